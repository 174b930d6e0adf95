"""Waits for jobs and follows their output as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ..core.model.errors import WaitTimeout
from ..core.model.job import Job
from ..core.model.states import State
from . import diagnostics, invocation, output
from .output import Column
from .text import escape, iso, show_time, symbol

if TYPE_CHECKING:
    from ..core.model.results import OutputChunk
    from ..core.service import Service

CHUNK_COLUMNS = (
    Column("id", "id"),
    Column("attempt", "number"),
    Column("stream"),
    Column("at", "time"),
    Column("text"),
)
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 0.5


class OutputPrinter:
    """Writes output chunks of one or several jobs; as they are, or line by line with a prefix."""

    def __init__(self, *, prefix: bool = False, timestamps: bool = False) -> None:
        self._prefix = prefix
        self._timestamps = timestamps
        self._partial: dict[tuple[int, str], str] = {}
        run = invocation.current()
        machine = run.output in ("json", "jsonl", "csv", "yaml", "template")
        self._writer = output.writer("job.output", CHUNK_COLUMNS) if machine else None

    def show(self, job_id: int, chunk: OutputChunk) -> None:
        """Print one chunk of a job's output."""
        if self._writer is not None:
            row = {"id": job_id, "attempt": chunk.attempt, "stream": chunk.stream, "at": chunk.at, "text": chunk.text}
            self._writer.write(row)
        elif self._prefix or self._timestamps:
            self._lines(job_id, chunk)
        else:
            output.raw(chunk.text)

    def close(self) -> None:
        """Write lines that never got their newline, and end a JSON document."""
        for (job_id, _), text in self._partial.items():
            if text:
                output.line(self._head(job_id, None) + escape(text), escaped=True)
        self._partial.clear()
        if self._writer is not None:
            self._writer.close()

    def _lines(self, job_id: int, chunk: OutputChunk) -> None:
        key = (job_id, chunk.stream)
        *whole, rest = (self._partial.get(key, "") + chunk.text).split("\n")
        self._partial[key] = rest
        for text in whole:
            output.line(self._head(job_id, chunk.at) + escape(text.removesuffix("\r")), escaped=True)
        output.flush()

    def _head(self, job_id: int, at: datetime | None) -> str:
        style = invocation.current().time
        stamp = "" if at is None or not self._timestamps else f"{show_time(at, style) if style else iso(at)} "
        return stamp + (f"[{job_id}] " if self._prefix else "")


def chunks(
    service: Service, job_id: int, *, after: tuple[int, int] | None = None, attempt: int | None = None
) -> Iterator[OutputChunk]:
    """Everything that a job has said so far, after the piece (token, chunk), read page by page."""
    while page := service.output(job_id, after=after, attempt=attempt):
        yield from page
        after = (page[-1].token, page[-1].chunk)


def follow(
    service: Service,
    ids: Sequence[int],
    printer: OutputPrinter,
    *,
    attempt: int | None = None,
    once: bool = False,
    timeout: float | None = None,
) -> list[Job]:
    """Write the jobs' output until all of them are final (once: what there is) and return the jobs.

    A job's last chunk is stored before or with its end, so its output is read after its state.
    WaitTimeout: `timeout` seconds are over.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    cursors: dict[int, tuple[int, int] | None] = dict.fromkeys(ids)
    pause = FIRST_PAUSE
    while True:
        jobs = service.get_many(list(ids))
        moved = False
        for job in jobs:
            for chunk in chunks(service, job.id, after=cursors[job.id], attempt=attempt):
                cursors[job.id] = (chunk.token, chunk.chunk)
                printer.show(job.id, chunk)
                moved = True
        if once or all(job.state.is_final for job in jobs):
            printer.close()
            return jobs
        if deadline is not None and time.monotonic() >= deadline:
            waiting = sum(not job.state.is_final for job in jobs)
            raise WaitTimeout(f"{waiting} of {len(jobs)} jobs had not ended after {timeout:g} s — they go on")
        pause = FIRST_PAUSE if moved else min(LONGEST_PAUSE, pause * 1.5)
        time.sleep(pause)


class _Enough(Exception):
    """The first job of `--any` has ended."""

    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job


def wait(service: Service, ids: Sequence[int], *, timeout: float | None, any_: bool = False) -> list[Job]:
    """Wait until all jobs are final (any_: until one is) and return those; WaitTimeout after `timeout` seconds."""
    done: dict[int, State] = {}
    with diagnostics.Progress() as progress:

        def changed(job: Job) -> None:
            if job.state.is_final:
                done[job.id] = job.state
                if any_:
                    raise _Enough(job)
            progress.update(_progress_line(job, len(done), len(ids)))

        if any_:
            for job in service.get_many(list(ids)):
                if job.state.is_final:
                    return [job]
        try:
            return service.wait(ids, timeout=timeout, on_change=changed)
        except _Enough as enough:
            return [enough.job]


def _progress_line(job: Job, done: int, total: int) -> str:
    words = f"{symbol(job.state)} job {job.id} {job.state.value}"
    if job.progress is not None and not job.state.is_final:
        words += f" {job.progress:.0%} {job.progress_message or ''}"
    return words if total == 1 else f"{done}/{total} done · {words}"
