"""Writes what became of jobs, in batches: 500 at once, or what came until 2 ms were quiet, or 10 ms.

Words come before ends: a job's output and checkpoint are written while its lease still stands.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..model.errors import JobschedError
from ..store import leases, waiting
from ..store.leases import Ending, Success
from ..store.link import Link, LinkStopped
from .hand import Held

BATCH = 500
QUIET_SECONDS = 0.002
LONGEST_SECONDS = 0.010
REFUSED = "StoreRefused"


@dataclass(slots=True)
class _Succeeded:
    """Columns of one frame from a runner."""

    held: list[Held]
    waits: list[float]
    runs: list[float]
    results: list[str | None] | None


@dataclass(slots=True)
class _Words:
    """What is said about jobs that still run. output: (job id, token, chunk, attempt, stream, text)."""

    output: list[tuple[int, int, int, int, str, str]] = field(default_factory=list)
    checkpoints: dict[int, tuple[int, str]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.output or self.checkpoints)


class Completer:
    """worker_id: asked for at each flush, since a worker that was declared dead registers anew.

    refused: called with the tokens whose lease was no longer ours. lost: called with the store's
    reason when what jobs said cannot be stored. ready: called with how many jobs of each (queue, type)
    became ready because others ended; given_back: with how many this worker gave back to their lanes.
    """

    def __init__(
        self,
        link: Link,
        worker_id: Callable[[], int],
        refused: Callable[[list[int]], None],
        lost: Callable[[JobschedError], None],
        ready: Callable[[Counter[tuple[str, str]]], None] = lambda lanes: None,
        given_back: Callable[[Counter[tuple[str, str]]], None] = lambda lanes: None,
    ) -> None:
        self._link = link
        self._worker_id = worker_id
        self._refused = refused
        self._lost = lost
        self._ready = ready
        self._given_back = given_back
        self._succeeded: deque[_Succeeded] = deque()
        self._endings: deque[Ending] = deque()
        self._words = _Words()
        self._count = 0
        self._first = 0.0
        self._changed = threading.Condition()
        self._closing = False

    @property
    def backlog(self) -> int:
        """Jobs that have ended and are not yet written."""
        return self._count

    def succeeded(
        self, held: list[Held], waits: list[float], runs: list[float], results: list[str | None] | None
    ) -> None:
        """Jobs succeeded; results are JSON texts, or None if no job has one."""
        self._add(len(held), lambda: self._succeeded.append(_Succeeded(held, waits, runs, results)))

    def ended(self, endings: list[Ending]) -> None:
        """Attempts ended in other ways."""
        self._add(len(endings), lambda: self._endings.extend(endings))

    def said(self, output: list[tuple[int, int, int, int, str, str]]) -> None:
        """Running jobs said something."""
        self._add(0, lambda: self._words.output.extend(output))

    def checkpoint(self, job_id: int, token: int, data: str) -> None:
        """A running job saved its checkpoint."""
        self._add(0, lambda: self._words.checkpoints.update({job_id: (token, data)}))

    def run(self) -> None:
        """Write until closed and empty, or until the link is stopped."""
        try:
            while self._await_batch():
                self._flush()
        except LinkStopped:
            return
        finally:
            self._link.close()

    def close(self) -> None:
        """Have `run` end once everything is written."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()

    def _add(self, count: int, put: Callable[[], None]) -> None:
        with self._changed:
            if not self._count and not self._words:
                self._first = time.monotonic()
            put()
            self._count += count
            self._changed.notify_all()

    def _await_batch(self) -> bool:
        """Wait until a flush is due; False when closed and empty."""
        with self._changed:
            while not self._count and not self._words:
                if self._closing:
                    return False
                self._changed.wait()
            while self._count < BATCH and not self._closing:
                before = self._count
                left = self._first + LONGEST_SECONDS - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(min(QUIET_SECONDS, left))
                if self._count == before:
                    break
            return True

    def _flush(self) -> None:
        words, successes, endings, count = self._take()
        try:
            self._write_words(words)
            if successes:
                self._succeed(_columns(successes))
            if endings:
                self._end(endings)
        finally:
            with self._changed:
                self._count -= count
                self._first = time.monotonic()
                self._changed.notify_all()

    def _write_words(self, words: _Words) -> None:
        try:
            if words.output:
                self._link.run(lambda conn: leases.write_output(conn, words.output))
            for job_id, (token, data) in words.checkpoints.items():
                self._link.run(lambda conn, j=job_id, t=token, d=data: leases.save_checkpoint(conn, j, t, d))  # type: ignore[misc]
        except JobschedError as error:
            self._lost(error)

    def _succeed(self, ended: Success) -> None:
        try:
            accepted = self._link.run(lambda conn: leases.succeed(conn, self._worker_id(), ended))
        except JobschedError as error:
            middle = len(ended.tokens) // 2
            if not middle:
                self._end([_refused_result(ended, error)])
                return
            self._succeed(ended.rows(slice(middle)))
            self._succeed(ended.rows(slice(middle, None)))
        else:
            self._report(ended.tokens, accepted)
            self._let_others_go_on(ended.job_ids)

    def _end(self, endings: list[Ending]) -> None:
        """Write ends. What the store refuses is looked for by halves, so that one job's words cannot
        keep the others' ends from being written; then it ends without those words."""
        try:
            accepted = self._link.run(lambda conn: leases.end_attempts(conn, self._worker_id(), endings))
        except JobschedError as error:
            if len(endings) > 1:
                middle = len(endings) // 2
                self._end(endings[:middle])
                self._end(endings[middle:])
            elif endings[0].error_class == REFUSED:
                raise
            else:
                self._end([_without_words(endings[0], error)])
        else:
            self._report([ending.token for ending in endings], accepted)
            back = Counter(
                (each.queue, each.type) for each in endings if each.next == "queued" and each.token in accepted
            )
            if back:
                self._given_back(back)
            self._let_others_go_on([ending.job_id for ending in endings])  # what goes back may be cancelled there

    def _let_others_go_on(self, ids: list[int]) -> None:
        """Settle who waited for these jobs. It is a statement after the commit of their ends, which needs a
        snapshot of its own; what is missed here because the store goes away, maintenance finds."""
        try:
            moved = self._link.run(lambda conn: waiting.after_end(conn, ids))
        except JobschedError as error:
            self._lost(error)
        else:
            if moved.ready:
                self._ready(moved.ready)

    def _take(self) -> tuple[_Words, list[_Succeeded], list[Ending], int]:
        with self._changed:
            words, self._words = self._words, _Words()
            successes: list[_Succeeded] = []
            taken = 0
            while self._succeeded and taken < BATCH:
                frame = self._succeeded.popleft()
                successes.append(frame)
                taken += len(frame.held)
            endings = [self._endings.popleft() for _ in range(min(len(self._endings), BATCH))]
            return words, successes, endings, taken + len(endings)

    def _report(self, tokens: list[int], accepted: set[int]) -> None:
        if len(accepted) != len(tokens):
            self._refused([token for token in tokens if token not in accepted])


def _columns(frames: list[_Succeeded]) -> Success:
    """Join frames into one batch; columns that say nothing become None."""
    jobs = [each.job for frame in frames for each in frame.held]
    results: list[str | None] | None = None
    if any(frame.results is not None for frame in frames):
        results = [result for frame in frames for result in (frame.results or [None] * len(frame.held))]
    return Success(
        job_ids=[job.job_id for job in jobs],
        tokens=[job.token for job in jobs],
        attempts=[job.attempt for job in jobs],
        crashes=[job.crashes for job in jobs] if any(job.crashes for job in jobs) else None,
        losses=[job.losses for job in jobs] if any(job.losses for job in jobs) else None,
        waits=[wait for frame in frames for wait in frame.waits],
        runs=[run for frame in frames for run in frame.runs],
        results=results,
    )


def _refused_result(ended: Success, error: JobschedError) -> Ending:
    """The job ran, and its result cannot be stored: no attempt will change that."""
    return Ending(
        ended.job_ids[0],
        ended.tokens[0],
        "dead",
        queue="",
        priority=0,
        type="",
        attempt=ended.attempts[0],
        crashes=ended.crashes[0] if ended.crashes else 0,
        losses=ended.losses[0] if ended.losses else 0,
        solo=False,
        wait=ended.waits[0],
        run=ended.runs[0],
        error=f"{REFUSED}: {error.message}",
        fingerprint="store-refused",
        kind="failed",
        ran_attempt=ended.attempts[0],
        error_class=REFUSED,
        message=error.message,
    )


def _without_words(ending: Ending, error: JobschedError) -> Ending:
    """The same end, told by the store instead of by the job."""
    return ending._replace(
        error=ending.error and f"{REFUSED}: {error.message}",
        fingerprint="store-refused",
        error_class=REFUSED,
        message=error.message,
        traceback=None,
        result=None,
    )
