"""The command tree as data, and what is made of it: completion scripts, the CLI reference, man pages."""
