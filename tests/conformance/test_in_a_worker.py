"""Every handler in a real worker: it succeeds, is stopped, is tried again, and is given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psycopg
import pytest

from jobsched.core.handler import Handler
from jobsched.core.host import MARK_VARIABLE
from jobsched.core.model.backoff import Backoff, BackoffKind
from jobsched.core.model.job import Attempt, Job, NewJob
from jobsched.core.model.states import State
from jobsched.core.registry import Registry
from tests.faults.fleet import Fleet, Worker, descendants_of, until

from .scene import Scene, has_part, payload_for, with_secrets

ALL = Registry().all()
PARTS = ("slow", "temporary", "hopeless")
CANNOT: dict[str, dict[str, str]] = {
    "cpu_intensive": {"hopeless": "it needs nothing but a processor"},
    "default": {"slow": "it is always the same tenth of a second", "hopeless": "it needs nothing but the machine"},
    "io_intensive": {"hopeless": "a disk that is full or fails may be mended"},
    "mixed_workload": {"hopeless": "it needs nothing but the machine"},
    "pdf_invoice": {"slow": "at most 1000 lines and 20 short fields: it is a matter of seconds"},
}
"""Handler → what it cannot be brought to do, and why. Each handler with a payload model has either
this or a function of that name in its scene file."""
TIMEOUT = 1.5
STOPPED_WITHIN = 5.0
"""Seconds from asking to the outcome."""
ENDED = (State.SUCCEEDED, State.DEAD, State.CANCELLED)


@dataclass
class Case:
    """One job. said: what is in its log lines and output, once it has ended."""

    name: str
    scene: Scene
    worker: Worker
    id: int


class Trial:
    """The jobs that one handler is tried with, in as few workers as their settings allow."""

    def __init__(self, handler: Handler, fleet: Fleet, make_database: Callable[..., str], stack: ExitStack) -> None:
        self.handler, self.fleet = handler, fleet
        self._make_database, self._stack = make_database, stack
        self._workers: list[tuple[dict[str, str], Worker]] = []

    def begin(self, name: str, part: str, **options: object) -> Case:
        """Submit the payload of `part` to a worker with the settings that it needs."""
        home = self.fleet.folder / "home"
        scene = Scene(home, self._make_database, store_url=self.fleet.service.store.url)
        self._stack.callback(scene.close)
        payload = payload_for(part, self.handler, scene)
        assert payload is not None
        if part in ("temporary", "hopeless"):
            payload = with_secrets(self.handler, payload)
        queue, worker = self._worker_for(scene, home)
        new = NewJob(self.handler.name, payload, queue=queue, **options)  # type: ignore[arg-type]
        return Case(name, scene, worker, self.fleet.service.submit(new, unchecked=True).id)

    def _worker_for(self, scene: Scene, home: Path) -> tuple[str, Worker]:
        wanted = scene.environ()
        for number, (environ, worker) in enumerate(self._workers):
            if environ == wanted:
                return f"queue-{number}", worker
        queue = f"queue-{len(self._workers)}"
        more = {**wanted, "JOBSCHED_HOME": str(home), "JOBSCHED_IMPORTS": ""}
        worker = self.fleet.start("--allow-commands", "--queues", queue, wait=False, **more)
        self._workers.append((wanted, worker))
        return queue, worker

    def job(self, case: Case) -> Job:
        """As it stands."""
        return self.fleet.service.get(case.id)

    def attempts(self, case: Case) -> list[Attempt]:
        """Those that did not succeed."""
        return list(self.fleet.service.attempts(case.id))

    def until_ended(self, case: Case) -> Job:
        """Wait for its outcome."""
        return until(
            lambda: job if (job := self.job(case)).state in ENDED else None,
            f"{self.handler.name}: an outcome of {case.name}; {case.worker.lines[-3:]}",
        )

    def workers(self) -> list[Worker]:
        return [worker for _, worker in self._workers]

    def said(self, case: Case) -> str:
        """Everything that anybody could read of it: log, output, errors, result."""
        written = [case.worker.lines, self.attempts(case), self.job(case).result, self.job(case).error]
        output = self.fleet.service.output(case.id)
        return "\n".join(map(repr, [*written, list(output)]))


@pytest.fixture
def try_out(fleet: Fleet, make_database: Callable[..., str]) -> Iterator[Callable[[Handler], Trial]]:
    """A function that returns a trial of a handler."""
    with ExitStack() as stack:
        yield lambda handler: Trial(handler, fleet, make_database, stack)


@pytest.mark.parametrize("handler", [each for each in ALL if each.payload_model], ids=lambda handler: handler.name)
def test_what_it_cannot_be_brought_to_do_is_written_down_with_the_reason(handler: Handler) -> None:
    """Otherwise a handler without a scene would look as if it had been tried."""
    declared = CANNOT.get(handler.name, {})
    assert {part: has_part(handler, part) for part in PARTS} == {part: part not in declared for part in PARTS}
    assert all(declared.values())


@pytest.mark.parametrize("handler", ALL, ids=lambda handler: handler.name)
def test_in_a_worker_it_succeeds_is_stopped_tried_again_and_given_up(
    handler: Handler, try_out: Callable[[Handler], Trial]
) -> None:
    """Cancelled within seconds, timed out as such, retried while there are attempts, dead at once where
    none can help; and nothing of it is left running, or says a secret."""
    trial = try_out(handler)
    cases = {"success": trial.begin("success", "prepare", max_attempts=1)}
    if has_part(handler, "slow"):
        cases["timeout"] = trial.begin("timeout", "slow", timeout=TIMEOUT, max_attempts=1)
        cases["cancel"] = trial.begin("cancel", "slow")
    if has_part(handler, "temporary"):
        soon = Backoff(BackoffKind.FIXED, 0.1, 0.1)
        cases["temporary"] = trial.begin("temporary", "temporary", max_attempts=2, backoff=soon)
    if has_part(handler, "hopeless"):
        cases["hopeless"] = trial.begin("hopeless", "hopeless", max_attempts=3)
    if "cancel" in cases:
        cancel_while_it_runs(trial, cases["cancel"])
    for name, case in cases.items():
        job = trial.until_ended(case)
        kinds = [attempt.kind for attempt in trial.attempts(case)]
        state, wanted = {
            "success": (State.SUCCEEDED, []),
            "timeout": (State.DEAD, ["timeout"]),
            "cancel": (State.CANCELLED, []),
            "temporary": (State.DEAD, ["failed", "failed"]),
            "hopeless": (State.DEAD, ["failed"]),
        }[name]
        assert (job.state, kinds) == (state, wanted), f"{name}: {job.error} {trial.attempts(case)}"
        assert {secret for secret in case.scene.secrets() if secret in trial.said(case)} == set(), name
    nothing_is_left(trial, list(cases.values()))


def cancel_while_it_runs(trial: Trial, case: Case) -> None:
    """Ask when it has run for a moment; it must hear that itself, without its process being killed."""
    until(lambda: trial.job(case).state is State.RUNNING, "it runs")
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 0.5, "half a second is over")
    assert trial.job(case).state is State.RUNNING
    asked = time.monotonic()
    trial.fleet.service.cancel([case.id], by="test")
    trial.until_ended(case)
    assert time.monotonic() - asked < STOPPED_WITHIN
    if trial.handler.isolation == "shared":
        assert [line for line in case.worker.lines if "reason" in line] == []


def nothing_is_left(trial: Trial, cases: list[Case]) -> None:
    """No process but the workers' own, and no connection to a database that only jobs use."""
    for worker in trial.workers():
        mark = next(mark for pid in worker.runners() if (mark := mark_of(pid)))
        until(partial(has_only_its_own, worker, mark), "programs that jobs have started are gone")
    for case in cases:
        if "database_url" in case.scene.__dict__:
            with psycopg.connect(case.scene.database_url, autocommit=True) as connection:
                until(partial(is_alone, connection), "connections are closed")


def has_only_its_own(worker: Worker, mark: str) -> bool:
    """Whether its children are all that it has, and nothing else runs with its mark."""
    marked = {int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and mark_of(each.name) == mark}
    return marked | {*descendants_of(worker.pid)} <= {*worker.children()}


def is_alone(connection: psycopg.Connection) -> bool:
    """Whether nobody else is connected to that database."""
    others = """select from pg_stat_activity where datname = current_database()
                and pid <> pg_backend_pid() and backend_type = 'client backend'"""
    return connection.execute(others).fetchone() is None


def mark_of(pid: int | str) -> str:
    """The mark of the worker that a process belongs to; "" if it has none."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    start = f"{MARK_VARIABLE}=".encode()
    return next((each.removeprefix(start).decode() for each in variables if each.startswith(start)), "")
