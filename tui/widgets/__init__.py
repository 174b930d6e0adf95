"""Widgets of our own, where Textual's are too slow for millions of rows or lines."""
