"""Words of the store that completion offers, kept where a shell reads them without starting Python.

Each kind is a file of lines `word<TAB>what it is` under $XDG_CACHE_HOME/jobsched/words/STORE, after a first
line that says when it was written (`#` and Unix seconds): shells pass over what is older than a week. Anybody
who may submit a job chooses words in it, so only what no shell could take for anything but a word is kept, and
the shells look again. Losing these files loses nothing but suggestions.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.model.errors import JobschedError

if TYPE_CHECKING:
    from ..core.service import Service
    from .invocation import Invocation

WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}")
NOT_PLAIN = re.compile(r"[^A-Za-z0-9 ._:/@+,-]")
"""What is dropped from the words about a word."""
KINDS = ("ids", "dead", "tags", "queues", "workers", "types", "schedules")
LONGEST_ABOUT = 60
FORGET_AFTER = 30 * 86400
"""Seconds after which a store that nobody visits any more is forgotten."""
_PLACE = re.compile(r"[^A-Za-z0-9.-]")


def refresh(service: Service, run: Invocation) -> None:
    """Write the words of the store that this command has used; what it printed goes out first."""
    from . import output

    output.flush()
    with suppress(JobschedError):  # the command itself has succeeded, and says nothing of suggestions
        found = service.vocabulary()
        if found:
            write(folder(os.environ) / store_name(os.environ, run.database_url, run.profile), found)
    profiles = run.settings.profiles
    if profiles:
        with suppress(OSError):
            folder(os.environ).mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(folder(os.environ) / "profiles", "".join(f"{name}\t\n" for name in sorted(profiles)))


def folder(environ: Mapping[str, str]) -> Path:
    """Where the words of all stores are."""
    base = environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".cache")
    return Path(base) / "jobsched" / "words"


def store_name(environ: Mapping[str, str], url: str | None = None, profile: str | None = None) -> str:
    """What a store's folder is called. The shells compute the same of the same words and variables: keep them alike.

    url, profile: what flags say. Nothing of a URL that could be a password is in the name: only what follows the
    last `@`, without parameters.
    """
    if profile and not url:
        return f"profile-{_PLACE.sub('_', profile)[:100]}"
    url = url or environ.get("JOBSCHED_DATABASE_URL") or environ.get("JOBSCHED_DSN")
    if url:
        place = url.partition("://")[2].rpartition("@")[2].partition("?")[0]
        readable = url.startswith(("postgresql://", "postgres://")) and "@" not in url.partition("?")[2]
        return f"url-{_PLACE.sub('_', place)[:100]}" if readable else "url"
    profile, home = environ.get("JOBSCHED_PROFILE"), environ.get("JOBSCHED_HOME")
    if profile:
        return f"profile-{_PLACE.sub('_', profile)[:100]}"
    return f"home-{_PLACE.sub('_', home)[:100]}" if home else "own"


def write(place: Path, found: Iterable[tuple[str, str, str]]) -> None:
    """Replace the words in `place` by (kind, word, what it is), those of them that are fit for a shell."""
    lines: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for kind, word, about in found:
        if WORD.fullmatch(word):
            lines[kind].setdefault(word, NOT_PLAIN.sub("", about)[:LONGEST_ABOUT])
    with suppress(OSError):  # a full disk or a read-only home must not fail a command that has succeeded
        if not place.is_dir():
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            _forget(place.parent)
        for kind, words in lines.items():
            _replace(place / kind, "".join(f"{word}\t{about}\n" for word, about in words.items()))


def _replace(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, and that nobody else reads."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"#{time.time():.0f}\n{text}")
    scratch.replace(path)


def _forget(words: Path) -> None:
    """Remove the folders of stores that were last visited long ago."""
    for place in words.iterdir():
        if place.is_dir() and time.time() - place.stat().st_mtime > FORGET_AFTER:
            for each in place.iterdir():
                each.unlink()
            place.rmdir()
