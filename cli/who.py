"""Who is at the keyboard, for the record that a change leaves."""

from __future__ import annotations

import os
import socket


def user() -> str:
    """`name@host`; the name from the password database, else the numeric id."""
    try:
        import pwd

        name = pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        name = str(os.getuid())
    return f"{name}@{socket.gethostname()}"
