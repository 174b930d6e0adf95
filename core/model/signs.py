"""The sign and the colour of each state, for the command line and the screens alike. Imports next to nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping

from .states import State

SYMBOLS = {
    State.BLOCKED: ("◌", "#"),
    State.SCHEDULED: ("◷", "@"),
    State.QUEUED: ("○", "."),
    State.RUNNING: ("●", "*"),
    State.RETRYING: ("↻", "~"),
    State.SUCCEEDED: ("✔", "+"),
    State.DEAD: ("✖", "x"),
    State.CANCELLED: ("⊘", "-"),
}
"""State → its sign, and the one for terminals that know ASCII alone."""
COLOURS = {
    State.BLOCKED: "magenta",
    State.SCHEDULED: "blue",
    State.QUEUED: "default",
    State.RUNNING: "cyan",
    State.RETRYING: "yellow",
    State.SUCCEEDED: "green",
    State.DEAD: "red",
    State.CANCELLED: "bright_black",
}


def unicode_wanted(environ: Mapping[str, str] | None = None) -> bool:
    """Whether symbols beyond ASCII may be used: the locale says UTF-8.

    Python itself turns LC_CTYPE into C.UTF-8 when it is started in the C locale (PEP 538), so that
    value proves nothing when LANG is C.
    """
    env = os.environ if environ is None else environ
    if env.get("LC_ALL"):
        return _is_utf8(env["LC_ALL"])
    lang = env.get("LANG", "")
    ctype = env.get("LC_CTYPE", "")
    if ctype == "C.UTF-8" and lang in ("", "C", "POSIX"):
        return False
    return _is_utf8(ctype or lang)


def _is_utf8(locale: str) -> bool:
    return locale.lower().replace("-", "").endswith("utf8")
