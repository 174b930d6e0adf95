"""The scheduler that a worker runs beside itself: a process of its own, so that neither can hold up the other.

    python -m jobsched.core.engine.cron_process KEEPER_PID < settings

It dies with its keeper, and is started again if it dies alone. Schedulers are all alike: while this one is gone,
any other one decides.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ..config import Settings, Value
from ..host import die_with_parent
from ..model.errors import JobschedError

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

FIRST_DELAY, LONGEST_DELAY = 0.1, 5.0
WORKED_SECONDS = 60.0
"""After so long, a death is another trouble than the one before."""
STOP_SECONDS = 5.0


class CronProcess:
    """The keeper's side. Use it in the main thread: the process dies with the thread that started it."""

    def __init__(self, settings: Settings, *, name: str, log: FilteringBoundLogger) -> None:
        self._told = json.dumps({"settings": dict(settings), "name": name}).encode()
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._started = 0.0
        self._start_at = 0.0
        self._delay = FIRST_DELAY

    @property
    def runs(self) -> bool:
        """Whether it is there."""
        return self._process is not None

    def tend(self) -> None:
        """Start it, if it does not run. Never waits."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._process = None
            if not self._stopping:
                self._delay = FIRST_DELAY if now - self._started > WORKED_SECONDS else self._delay
                self._log.warning("the scheduler ended: it is started again", code=code, in_seconds=self._delay)
                self._start_at = now + self._delay
                self._delay = min(LONGEST_DELAY, self._delay * 2)
        if self._process is None and not self._stopping and now >= self._start_at:
            self._started = now
            self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        read_end, write_end = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-m", "jobsched.core.engine.cron_process", str(os.getpid())],
            stdin=read_end,
            start_new_session=True,
        )
        os.close(read_end)
        with suppress(BrokenPipeError), os.fdopen(write_end, "wb") as pipe:  # its end is noticed elsewhere
            pipe.write(self._told)
        return process

    def stop(self) -> None:
        """Tell it to end what it is doing, and start none any more. Does not wait."""
        self._stopping = True
        if self._process is not None:
            self._process.terminate()

    def close(self) -> None:
        """Wait for its end, and make it."""
        self.stop()
        if self._process is None:
            return
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._log.warning("the scheduler does not end: it is killed")
            self._process.kill()
            self._process.wait()
        self._process = None


def _retuple(value: Any) -> Any:
    """JSON turns tuples into lists; settings hold tuples."""
    return tuple(value) if isinstance(value, list) else value


def main() -> int:
    """Entry point of the process."""
    die_with_parent(int(sys.argv[1]))
    told = json.load(sys.stdin)
    settings = Settings({key: Value(_retuple(value), "worker") for key, value in told["settings"].items()})
    from .. import logs
    from .cron import run_cron

    try:
        return run_cron(settings, name=told["name"])
    except JobschedError as error:
        logs.get_logger(scheduler=told["name"]).error(error.message, fix=error.fix)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
