"""Real workers, and ways to wait for what they do: for lines that they log, for rows in the store, for
what jobs tell, each with a deadline."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jobsched.core.model.job import NewJob
from jobsched.core.service import Service

PROGRAM = [sys.executable, "-c", "import sys; from jobsched.cli.main import run; sys.exit(run())"]
PATIENCE = 45.0
HANDLERS = "handlers_for_faults"
Result = TypeVar("Result")
_never = threading.Event()


def until(ask: Callable[[], Result], what: str, patience: float = PATIENCE, pause: float = 0.01) -> Result:
    """Ask until the answer is true, and return it; AssertionError when patience (seconds) is over. pause: seconds
    between two answers."""
    deadline = time.monotonic() + patience
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"after {patience:g} s still not: {what}"
        _never.wait(pause)
    return answer


class Told(NamedTuple):
    """A line that a job wrote. at: seconds on the monotonic clock."""

    word: str
    job_id: int
    token: int
    attempt: int
    pid: int
    at: float


@dataclass
class Worker:
    """One worker (or scheduler) under test: the keeper's process and everything that it has logged."""

    process: subprocess.Popen[bytes]
    lines: list[dict[str, Any]]
    reader: threading.Thread

    @property
    def pid(self) -> int:
        return self.process.pid

    def events(self) -> list[str]:
        """What it logged, in its own words."""
        return [str(line.get("event")) for line in self.lines]

    def until_says(self, event: str, times: int = 1) -> None:
        """Wait until a line that begins like that was logged, `times` times."""
        until(
            lambda: sum(said.startswith(event) for said in self.events()) >= times,
            f"the worker says {event!r}; it said {self.lines[-5:]}",
        )

    def children(self) -> list[int]:
        """Living processes that it started: runners and the janitor."""
        return children_of(self.pid)

    def runners(self) -> list[int]:
        """Its living runners."""
        return [pid for pid in self.children() if b"jobsched.core.engine.runner" in command_line(pid)]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the keeper alone."""
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end; return the exit code."""
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        return code


class Fleet:
    """Workers of one store, what their jobs tell, and questions to the store."""

    def __init__(self, environ: dict[str, str], folder: Path, service: Service) -> None:
        self.folder = folder
        self.service = service
        self.witness = folder / "witness"
        self.environ = environ | {
            "JOBSCHED_DATABASE_URL": service.store.url,
            "JOBSCHED_POLL": "200ms",
            "JOBSCHED_LOG_FORMAT": "json",
            "JOBSCHED_IMPORTS": HANDLERS,
            "PYTHONPATH": str(Path(__file__).parent),
            "FAULTS_WITNESS": str(self.witness),
        }
        self.workers: list[Worker] = []
        self.db = service.store.connect("test")

    def start(self, *flags: str, wait: bool = True, within: Sequence[str] = (), **environ: str) -> Worker:
        """Start a worker; with `wait`, return when it is ready. within: a program that runs it, with arguments."""
        worker = self._run([*within, *PROGRAM, "worker", *flags], environ)
        if wait:
            worker.until_says("worker ready")
        return worker

    def start_scheduler(self, *flags: str, wait: bool = True, **environ: str) -> Worker:
        """Start `cron run`; with `wait`, return when it has read the schedules."""
        scheduler = self._run([*PROGRAM, "cron", "run", *flags], environ)
        if wait:
            scheduler.until_says("schedules read")
        return scheduler

    def _run(self, command: Sequence[str], environ: dict[str, str]) -> Worker:
        process = subprocess.Popen(
            command, env=self.environ | environ, cwd=self.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        lines: list[dict[str, Any]] = []
        reader = threading.Thread(target=_read, args=(process, lines))
        reader.start()
        worker = Worker(process, lines, reader)
        self.workers.append(worker)
        return worker

    def close(self) -> None:
        """End what still runs, whatever it does, and show what each worker said: pytest prints it
        where a test failed."""
        self.db.close()
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.process.kill()
            sys.stderr.write(f"worker {worker.pid} ended with {worker.wait()} and had said\n")
            sys.stderr.writelines(f"    {line}\n" for line in worker.lines[-40:])

    def reconnect(self) -> None:
        """Ask the store over a new connection: the old one is dead."""
        self.db.close()
        self.db = self.service.store.connect("test")

    # ---- jobs -----------------------------------------------------------------------------------

    def submit(self, job_type: str, times: int = 1, payload: dict[str, Any] | None = None, **options: Any) -> list[int]:
        """Submit jobs; return their ids."""
        new = [NewJob(job_type, payload or {}, **options)] * times
        return [made.id for made in self.service.submit_many(new, unchecked=True)]

    def told(self, word: str = "began") -> list[Told]:
        """What jobs have said so far."""
        if not self.witness.exists():
            return []
        lines = [line.split() for line in self.witness.read_text().splitlines()]
        return [
            Told(said, int(job), int(token), int(attempt), int(pid), float(at))
            for said, job, token, attempt, pid, at in lines
            if said == word
        ]

    def until_began(self, times: int) -> list[Told]:
        """Wait until jobs have been started so many times."""
        until(lambda: len(self.told()) >= times, f"{times} starts of jobs")
        return self.told()

    def rows(self, statement: str, *values: Any) -> list[Any]:
        """Rows of a query, as tuples."""
        return self.db.execute(statement, values).fetchall()  # type: ignore[call-overload, no-any-return]

    def states(self) -> Counter[str]:
        """How many jobs are in each state, having proved that each is in exactly one place."""
        rows = self.rows(
            """select j.state, (select count(*) from jobsched.ready x where x.job_id = j.id)
                             + (select count(*) from jobsched.delayed x where x.job_id = j.id)
                             + (select count(*) from jobsched.blocked x where x.job_id = j.id)
                             + (select count(*) from jobsched.lease x where x.job_id = j.id)
                             + (select count(*) from jobsched.outcome x where x.job_id = j.id)
               from jobsched.job_now j"""
        )
        assert {places for _, places in rows} <= {1}, "a job is in two places, or in none"
        return Counter(state for state, _ in rows)

    def until_states(self, **wanted: int) -> None:
        """Wait until exactly these many jobs are in these states, and none in another."""
        until(lambda: self.states() == Counter(wanted), f"{wanted}")

    def until_ended(self, jobs: int) -> Counter[str]:
        """Wait until every job has its outcome; return how many have which."""
        until(lambda: self.rows("select count(*) from jobsched.outcome") == [(jobs,)], f"{jobs} outcomes")
        assert sum(self.states().values()) == jobs
        return self.states()


def _read(process: subprocess.Popen[bytes], lines: list[dict[str, Any]]) -> None:
    assert process.stderr is not None
    with process.stderr as stream:
        for line in stream:
            try:
                said = json.loads(line)
            except ValueError:
                said = {"event": line.decode(errors="replace").rstrip()}
            lines.append(said | {"heard_at": time.monotonic()})


def command_line(pid: int) -> bytes:
    """Arguments of a process; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def is_alive(pid: int) -> bool:
    """Whether the process runs: a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def children_of(pid: int) -> list[int]:
    """Living processes that `pid` started."""
    return [each for each, parent, _ in _processes() if parent == pid]


def descendants_of(pid: int) -> list[int]:
    """Living processes that `pid` started, and those that they started."""
    found = children_of(pid)
    return found + [each for child in found for each in descendants_of(child)]


def group_members(pgid: int) -> list[int]:
    """Living processes of a process group."""
    return [each for each, _, group in _processes() if group == pgid]


def _processes() -> Iterator[tuple[int, int, int]]:
    """Pid, parent and process group of everything that is alive."""
    for entry in list(os.scandir("/proc")):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            yield int(entry.name), int(fields[1]), int(fields[2])
