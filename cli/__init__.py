"""The terminal's door: parse, call a use case, render."""
