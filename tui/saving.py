"""The log of a job in a file of one's own, whole: also what the screen has no room for."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from ..core.model.errors import UsageError
from . import questions

if TYPE_CHECKING:
    from .feed import Feed


async def save_log(feed: Feed, job_id: int, where: str) -> tuple[Path, int]:
    """Write what a job said into a new file, as it said it; return the file and how many characters.

    where: a path; `~` is home. UsageError: there is something already, or no file can be made or written there. A
    file that could not be written to its end is taken away again. JobschedError: what the feed raises.
    """
    try:
        path = Path(where).expanduser().absolute()
        file = await asyncio.to_thread(path.open, "x", encoding="utf-8", newline="")
    except FileExistsError:
        raise UsageError(f"nothing is overwritten, and {path} is there already") from None
    except (OSError, RuntimeError, ValueError) as error:  # no such folder, no such home, a NUL
        raise UsageError(f"{where[:200]} cannot be made: {getattr(error, 'strerror', None) or error}") from None
    done = False
    try:
        with file:
            written = await _copy(feed, job_id, file)
        done = True
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        if not done:
            path.unlink(missing_ok=True)
    return path, written


async def _copy(feed: Feed, job_id: int, file: TextIO) -> int:
    after: tuple[int, int] | None = None
    written = 0
    while True:
        pieces = await feed.ask(questions.output(job_id, after))
        text = "".join(each.text for each in pieces)
        await asyncio.to_thread(file.write, text)
        written += len(text)
        if len(pieces) < questions.LOG_PAGE:
            return written
        after = (pieces[-1].token, pieces[-1].chunk)
