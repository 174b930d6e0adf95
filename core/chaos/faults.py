"""Breaks what a plan says, and mends what lasts."""

from __future__ import annotations

import errno
import os
import random
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..model.errors import JobschedError
from ..store import chaos
from .actors import Actor, children_of
from .ground import Ground
from .plan import Fault
from .proxy import Proxy

Mend = Callable[[], None]
SKEW_HOURS = 12
FIRST_PIECE, LAST_PIECE = 256 << 20, 1 << 10
RUNNER, JANITOR = b"jobsched.core.engine.runner", b"janitor.py"


class Missed(Exception):
    """What was to be broken is not there at the moment."""


class Faults:
    """struck, missed: how many of each kind."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.struck: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self._kinds: dict[str, Callable[[Fault], Mend | None]] = {
            "kill worker": self._kill_worker,
            "kill runner": self._kill_runner,
            "kill janitor": self._kill_janitor,
            "kill submitter": self._kill_submitter,
            "kill store": self._kill_store,
            "restart everything": self._kill_everything,
            "drain worker": self._drain_worker,
            "stop worker": self._stop_worker,
            "end connections": self._end_connections,
            "use up connections": self._use_up_connections,
            "silence network": self._silence_network,
            "cut network": self._cut_network,
            "skew clock": self._skew_clock,
            "fill disk": self._fill_disk,
        }

    def strike(self, fault: Fault) -> Mend | None:
        """Break it; return what mends it, if it lasts."""
        try:
            mend = self._kinds[fault.kind](fault)
        except (Missed, JobschedError, ProcessLookupError):
            self.missed[fault.kind] += 1
            return None
        self.struck[fault.kind] += 1
        return mend

    def _worker(self, fault: Fault) -> Actor:
        """The one that is meant, or the next one that runs."""
        workers = self._ground.workers
        turned = workers[fault.target :] + workers[: fault.target]
        found = next((each for each in turned if each.pid is not None and not each.stopped), None)
        if found is None:
            raise Missed
        return found

    def _kill_worker(self, fault: Fault) -> Mend | None:
        _send(self._worker(fault), signal.SIGKILL)
        return None

    def _kill_runner(self, fault: Fault) -> Mend | None:
        _kill_child(self._worker(fault), RUNNER, fault.share)
        return None

    def _kill_janitor(self, fault: Fault) -> Mend | None:
        _kill_child(self._worker(fault), JANITOR, fault.share)
        return None

    def _kill_submitter(self, fault: Fault) -> Mend | None:
        _send(self._ground.submitters[fault.target % len(self._ground.submitters)], signal.SIGKILL)
        return None

    def _drain_worker(self, fault: Fault) -> Mend | None:
        worker = self._worker(fault)
        if fault.share < 0.3:
            _send(worker, signal.SIGTERM)
        _send(worker, signal.SIGTERM)
        return None

    def _stop_worker(self, fault: Fault) -> Mend | None:
        worker = self._worker(fault)
        _send(worker, signal.SIGSTOP)
        return lambda: _ignore(worker.send(signal.SIGCONT))

    def _kill_store(self, fault: Fault) -> Mend | None:
        pid = self._ground.postmaster()
        if pid is None:
            raise Missed
        os.kill(pid, signal.SIGKILL)
        return None

    def _kill_everything(self, fault: Fault) -> Mend | None:
        for worker in self._ground.workers:
            worker.send(signal.SIGKILL)
        return self._kill_store(fault)

    def _end_connections(self, fault: Fault) -> Mend | None:
        with self._ground.service.store.connection() as conn:
            pids = chaos.backends(conn)
            if not pids:
                raise Missed
            for pid in random.Random(fault.share).sample(pids, max(1, round(fault.share * len(pids)))):
                chaos.end_backend(conn, pid)
        return None

    def _use_up_connections(self, fault: Fault) -> Mend | None:
        held = chaos.use_up_connections(self._ground.service.store)
        if not held:
            raise Missed

        def mend() -> None:
            for each in held:
                with suppress(JobschedError):
                    each.close()

        return mend

    def _proxy(self, fault: Fault) -> Proxy:
        found = [actor.proxy for actor in self._ground.actors if actor.proxy is not None]
        return found[int(fault.share * 997) % len(found)]

    def _cut_network(self, fault: Fault) -> Mend | None:
        proxy = self._proxy(fault)
        proxy.cut()
        return proxy.mend

    def _silence_network(self, fault: Fault) -> Mend | None:
        proxy = self._proxy(fault)
        ways = (proxy.silence, proxy.mend), (proxy.silence, proxy.forget), (proxy.swallow_answers, proxy.forget)
        begin, mend = (*ways, (proxy.strand, proxy.forget))[int(fault.share * 4) % 4]
        begin()
        return mend

    def _skew_clock(self, fault: Fault) -> Mend | None:
        # One that reaches the store by its address alone: another one would start the server with its clock.
        worker = next((each for each in self._ground.workers if each.proxy is not None), None)
        if worker is None or not worker.send(signal.SIGKILL):
            raise Missed
        worker.skew = f"{(fault.share - 0.5) * 2 * SKEW_HOURS:+.2f}h"
        return None

    def _fill_disk(self, fault: Fault) -> Mend | None:
        if self._ground.disk is None:
            raise Missed
        filler = self._ground.disk / "filler"
        fill(filler)
        return lambda: filler.unlink(missing_ok=True)


def fill(file: Path) -> None:
    """Make a file that leaves not a byte on its disk."""
    piece = FIRST_PIECE
    with file.open("wb") as out:
        size = 0
        while piece >= LAST_PIECE:
            try:
                os.posix_fallocate(out.fileno(), size, piece)
                size += piece
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 2


def _send(actor: Actor, number: signal.Signals) -> None:
    if not actor.send(number):
        raise Missed


def _kill_child(worker: Actor, program: bytes, share: float) -> None:
    pids = [pid for pid, words in children_of(worker.pid or 0).items() if program in words]
    if worker.pid is None or not pids:
        raise Missed
    os.kill(pids[int(share * len(pids)) % len(pids)], signal.SIGKILL)


def _ignore(_: object) -> None:
    """What came of it does not matter."""
