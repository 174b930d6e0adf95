"""A real runner, with nobody but this test for a keeper."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.clocks import lease_clock
from jobsched.core.config import Settings
from jobsched.core.engine.protocol import MAX_DELAY_SECONDS, Boot, Kind, Report, Work
from jobsched.core.engine.runner import EXIT_UNHEARD
from jobsched.core.engine.runner_context import MAX_OUTPUT_BYTES
from jobsched.core.engine.runner_process import JanitorProcess, RunnerProcess

PATIENCE = 30.0


class Keeper:
    """Speaks to one runner, and keeps what it hears."""

    def __init__(self, boot: Boot, janitor: JanitorProcess) -> None:
        self._changed = threading.Condition()
        self._tokens = 0
        self.frames: list[list[Any]] = []
        self.lines: list[str] = []
        self.code: int | None = None
        self.left: list[Any] = []
        self.runner = RunnerProcess(
            boot, janitor, alone=False, heard=self._heard, ended=self._ended, wrote=self._wrote, failed=self._failed
        )

    def _heard(self, _: RunnerProcess, frame: list[Any]) -> None:
        with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()

    def _ended(self, runner: RunnerProcess, code: int) -> None:
        with self._changed:
            self.code = code
            self.left = runner.running()
            self._changed.notify_all()

    def _wrote(self, _: RunnerProcess, line: str) -> None:
        with self._changed:
            self.lines.append(line)
            self._changed.notify_all()

    def _failed(self, _: RunnerProcess) -> None:
        raise AssertionError("a thread of the runner failed")

    def until(self, ask: Callable[[], Any], what: str) -> Any:
        """Wait for an answer that is true."""
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not (answer := ask()):
                self.runner.board.lease_sign_ns = int(lease_clock() * 1e9)
                assert self._changed.wait(min(1.0, deadline - time.monotonic())) or time.monotonic() < deadline, what
                if self.code is not None and not (answer := ask()):
                    raise AssertionError(f"the runner ended ({self.code}) before {what}: {self.lines} {self.frames}")
            return answer

    def give(self, job_type: str, payload: str = "{}", **fields: Any) -> int:
        """Send one job; return its token."""
        self._tokens += 1
        values: dict[str, Any] = {
            "token": self._tokens, "job_id": 1000 + self._tokens, "type": job_type, "queue": "default", "attempt": 1,
            "max_attempts": 3, "payload": payload, "timeout": None, "waited": 0.5, "checkpoint": None,
            "schedule": None, "scheduled_for": None,
        }  # fmt: skip
        self.runner.send("jobs", [Work(**(values | fields))])
        return self._tokens

    def find(self, token: int) -> tuple[str, Any] | None:
        """ok and the result, or bad and the report; None so far."""
        for frame in self.frames:
            match frame:
                case ["ok", tokens, _, _, results] if token in tokens:
                    return "ok", results and results[tokens.index(token)]
                case ["bad", reports]:
                    for report in reports:
                        if report[0] == token:
                            return "bad", Report(*report)
        return None

    def result(self, token: int) -> str | None:
        """Wait for the job's success; return its result as JSON."""
        kind, value = self.until(lambda: self.find(token), f"the end of job {token}")
        assert kind == "ok", value
        return value  # type: ignore[no-any-return]

    def report(self, token: int) -> Report:
        """Wait for the report of a job that did not succeed."""
        kind, value = self.until(lambda: self.find(token), f"the end of job {token}")
        assert kind == "bad", value
        assert isinstance(value, Report)
        return value

    def until_runs(self, token: int) -> None:
        """Wait until the job is on the board."""
        deadline = time.monotonic() + PATIENCE
        while token not in [each.token for each in self.runner.running()]:
            assert time.monotonic() < deadline, f"job {token} does not start"
            os.sched_yield()

    def words(self, kind: str) -> list[Any]:
        """Everything that was said in frames of a kind."""
        return [word for frame in self.frames if frame[0] == kind for word in frame[1]]

    def end(self) -> int:
        """Have it stop in order; return the exit code."""
        if self.code is None:
            self.runner.send("stop")
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while self.code is None:
                assert self._changed.wait(deadline - time.monotonic()), "the runner does not end"
        return self.code


@pytest.fixture
def janitor() -> Iterator[JanitorProcess]:
    made = JanitorProcess()
    yield made
    made.close()


@pytest.fixture
def start(
    janitor: JanitorProcess, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Keeper]]:
    """start(slots=…): a runner that has said hello."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    keepers: list[Keeper] = []

    def make(*, slots: int = 4, imports: str = "handlers_for_runner", greet: bool = True, **fields: Any) -> Keeper:
        values = {key: value for key, value in settings.items() if key not in ("database_url", "direct_url")}
        boot = Boot(slots, values | {"imports": (imports,)}, str(tmp_path), "mark", "store", True, 30.0)
        keeper = Keeper(boot._replace(**fields), janitor)
        keepers.append(keeper)
        if greet:
            keeper.until(lambda: any(frame[0] == "hello" for frame in keeper.frames), "hello")
        return keeper

    yield make
    for keeper in keepers:
        if keeper.code is None:
            keeper.runner.kill("the test is over")
        keeper.end()


@pytest.fixture
def keeper(start: Callable[..., Keeper]) -> Keeper:
    """A runner with four slots."""
    return start()


def test_it_says_which_job_types_it_knows(keeper: Keeper) -> None:
    """With their JSON Schemas; the ones that come with jobsched and the imported ones."""
    kinds = {kind.name: kind for kind in (Kind(*each) for each in keeper.words("hello"))}
    assert {"noop", "command", "add"} <= kinds.keys()
    assert kinds["add"].schema["required"] == ["a", "b"]
    assert kinds["command"].commands


def test_async_and_plain_jobs_return_their_results(keeper: Keeper) -> None:
    """One awaits on the loop, the other has a thread."""
    one = keeper.give("add", '{"a": 1, "b": 2}')
    other = keeper.give("add_in_thread", '{"a": 3, "b": 4}')
    assert keeper.result(one) == "3"
    assert (keeper.result(other) or "").startswith('{"sum": 7, "thread": "lane-')
    assert keeper.end() == 0
    assert keeper.left == []


def test_a_job_knows_who_it_is(keeper: Keeper) -> None:
    """What the context says, the checkpoint of an earlier attempt included."""
    import json

    said = json.loads(keeper.result(keeper.give("who", attempt=2, checkpoint='{"at": 5}', queue="q")) or "")
    assert said == {
        "job_id": 1001, "type": "who", "queue": "q", "attempt": 2, "max_attempts": 3, "token": 1,
        "key": "jobsched-store-1001", "checkpoint": {"at": 5},
    }  # fmt: skip


RAISED: dict[str, tuple[str, str | None, float | None]] = {
    "error": ("failed", "RuntimeError", None),
    "exit": ("failed", "SystemExit", None),
    "odd": ("failed", "Odd", None),
    "mute": ("failed", "Mute", None),
    "tricky": ("failed", "Tricky", None),
    "unspeakable": ("failed", "Exception", None),
    "interrupt": ("failed", "KeyboardInterrupt", None),
    "cancel": ("failed", "CancelledError", None),
    "cancelled": ("failed", "Cancelled", None),
    "retry": ("retry", "Retry", 5.0),
    "retry for ever": ("retry", "Retry", MAX_DELAY_SECONDS),
    "retry nonsense": ("retry", "Retry", None),
    "snooze": ("snooze", None, 9.0),
    "snooze nan": ("snooze", None, 0.0),
    "snooze huge": ("snooze", None, MAX_DELAY_SECONDS),
    "discard": ("discard", "Discard", None),
}


@pytest.mark.parametrize("job_type", ["raises", "raises_in_thread"])
def test_whatever_a_job_raises_is_reported_and_the_runner_goes_on(start: Callable[..., Keeper], job_type: str) -> None:
    """The only slot is free again for the next job each time."""
    keeper = start(slots=1)
    tokens = {what: keeper.give(job_type, f'{{"what": "{what}"}}') for what in RAISED}

    reports = {what: keeper.report(token) for what, token in tokens.items()}

    assert {what: (each.kind, each.error_class, each.delay) for what, each in reports.items()} == RAISED
    assert (reports["error"].message or "").startswith("broken\ufffd? ")
    trace = reports["error"].traceback or ""
    assert "raise make_error" in trace
    assert "runner.py" not in trace.replace("handlers_for_runner.py", "")
    assert keeper.result(keeper.give("noop")) is None


def test_a_payload_that_does_not_fit_is_discarded(keeper: Keeper) -> None:
    """No attempt can succeed; the field is named, its value is not."""
    report = keeper.report(keeper.give("add", '{"a": 1, "b": "secret"}'))
    assert (report.kind, report.error_class) == ("discard", "PayloadInvalid")
    assert "b:" in (report.message or "")
    assert "secret" not in (report.message or "") + (report.traceback or "")


def test_a_result_that_cannot_be_stored_is_a_failure(keeper: Keeper) -> None:
    """Told by the runner, where the job is, and not by the store in the middle of a batch."""
    expected = {
        "set": "not JSON serializable", "nan": "not JSON compliant", "nul": "NUL character",
        "surrogate": "lone surrogate", "big": "over 1,048,576 bytes", "deep": "nested too deeply",
    }  # fmt: skip
    tokens = {what: keeper.give("returns", f'{{"what": "{what}"}}') for what in expected}
    for what, why in expected.items():
        report = keeper.report(tokens[what])
        assert report.kind == "failed"
        assert why in (report.message or "")


def test_a_result_with_any_other_text_is_stored(keeper: Keeper) -> None:
    """A backslash before u0000 is no NUL."""
    assert keeper.result(keeper.give("returns", '{"what": "fine"}')) == '{"ü": [1, null]}'
    assert keeper.result(keeper.give("returns", '{"what": "backslash"}')) == '"\\\\u0000"'


def test_an_unknown_type_is_given_back_unstarted(keeper: Keeper) -> None:
    """It is somebody else's."""
    assert keeper.report(keeper.give("no_such_type")).kind == "unstarted"


@pytest.mark.parametrize("job_type", ["waits", "polls"])
def test_a_job_whose_time_is_over_is_asked_to_stop(keeper: Keeper, job_type: str) -> None:
    """An async one is cancelled, a plain one hears it from its context."""
    report = keeper.report(keeper.give(job_type, timeout=0.1))
    assert (report.kind, report.error_class) == ("timeout", "JobTimeout")
    assert 0.1 <= report.run < 5


@pytest.mark.parametrize("job_type", ["waits", "polls"])
def test_a_job_that_came_later_may_have_less_time(start: Callable[..., Keeper], job_type: str) -> None:
    """The runner was going to look in an hour; afterwards it still looks after the one that has that hour."""
    keeper = start(slots=3)
    patient = keeper.give("waits", timeout=3600.0)
    keeper.until_runs(patient)
    for timeout in (0.2, 0.1):
        assert keeper.report(keeper.give(job_type, timeout=timeout)).kind == "timeout"
    later, sooner = (keeper.give(job_type, timeout=timeout) for timeout in (0.3, 0.1))
    assert [keeper.report(token).kind for token in (sooner, later)] == ["timeout"] * 2
    assert [each.token for each in keeper.runner.running()] == [patient]
    keeper.runner.send("cancel", [patient])
    assert keeper.report(patient).kind == "cancelled"


@pytest.mark.parametrize("job_type", ["waits", "polls"])
def test_a_running_job_can_be_cancelled(keeper: Keeper, job_type: str) -> None:
    """The same way."""
    token = keeper.give(job_type)
    keeper.until_runs(token)
    keeper.runner.send("cancel", [token])
    assert keeper.report(token).kind == "cancelled"


@pytest.mark.parametrize("job_type", ["waits", "polls"])
def test_a_waiting_job_can_be_cancelled(start: Callable[..., Keeper], job_type: str) -> None:
    """Before it begins."""
    keeper = start(slots=1)
    first, second = keeper.give(job_type), keeper.give(job_type)
    keeper.until_runs(first)
    keeper.runner.send("cancel", [second])
    assert keeper.report(second).kind == "cancelled"
    keeper.runner.send("cancel", [first])
    assert keeper.report(first).kind == "cancelled"


def test_a_cancellation_that_a_job_swallowed_does_not_reach_the_next_one(start: Callable[..., Keeper]) -> None:
    """Task groups ask their task whether it was cancelled."""
    keeper = start(slots=1)
    token = keeper.give("shields")
    keeper.until_runs(token)
    keeper.runner.send("cancel", [token])
    assert keeper.result(token) == '"finished anyway"'
    assert keeper.result(keeper.give("groups")) == '"ValueError"'


@pytest.mark.parametrize("job_type", ["remembers", "remembers_in_thread"])
def test_what_one_job_sets_in_its_context_the_next_one_does_not_find(
    start: Callable[..., Keeper], job_type: str
) -> None:
    """One slot, one thread, and a clean context for each job."""
    keeper = start(slots=1)
    tokens = [keeper.give(job_type) for _ in range(3)]
    assert [keeper.result(token) for token in tokens] == ['"clean"'] * 3


def test_a_recall_gives_back_what_has_not_begun(start: Callable[..., Keeper]) -> None:
    """And nothing that has."""
    keeper = start(slots=2)
    tokens = [keeper.give("waits") for _ in range(2)]
    for token in tokens:
        keeper.until_runs(token)
    waiting = [keeper.give("waits"), keeper.give("polls")]
    keeper.runner.send("recall")
    assert sorted(keeper.until(lambda: keeper.words("recalled"), "the recall")) == waiting
    keeper.runner.send("cancel", tokens)
    assert {keeper.report(token).kind for token in tokens} == {"cancelled"}


def test_a_job_s_words_arrive_before_its_end(keeper: Keeper) -> None:
    """Log, output, logging (from threads too), progress and checkpoint, cleaned of what cannot be stored."""
    token = keeper.give("talks")
    keeper.result(token)
    said = [(stream, text) for each, stream, text in keeper.words("said") if each == token]
    assert said == [
        ("log", "reading month=?\ufffd\n"),
        ("stdout", "out\n"),
        ("stderr", "err\n"),
        ("log", "warning: from logging\n"),
        ("log", "warning: from a thread\n"),
    ]
    assert keeper.words("progress") == [[token, 0.25, "a quarter\ufffd?"]]
    assert keeper.words("checkpoint") == [[token, '{"at": 7}']]
    kinds = [frame[0] for frame in keeper.frames]
    assert max(kinds.index("said"), kinds.index("checkpoint")) < kinds.index("ok")


def test_words_that_cannot_be_stored_are_refused_where_they_are_said(keeper: Keeper) -> None:
    """The job learns of it, and nobody else does."""
    refused = keeper.result(keeper.give("bad_words")) or ""
    for why in ("progress is nan", "progress is 2.0", "nowhere", "NUL", "surrogate", "not JSON compliant", "65,536"):
        assert why in refused
    assert keeper.words("checkpoint") == []


def test_output_is_cut_at_its_limit(keeper: Keeper) -> None:
    """1 MiB an attempt in whole characters, and a word that says so."""
    token = keeper.give("floods")
    keeper.result(token)
    words = keeper.words("said")
    kept = "".join(text for _, stream, text in words if stream == "stdout")
    assert len(kept.encode()) == MAX_OUTPUT_BYTES
    assert set(kept) == {"ü"}
    assert [text for _, stream, text in words if stream == "log"] == [
        "output stopped: the limit of 1,048,576 bytes is reached\n"
    ]


def test_handlers_that_do_not_import_are_said_to_be_unusable(start: Callable[..., Keeper]) -> None:
    """With the module's name and how to see for oneself."""
    keeper = start(imports="no_such_module", greet=False)
    (frame,) = keeper.until(lambda: keeper.frames, "an answer")
    assert frame[0] == "unusable"
    assert "no_such_module" in frame[1]
    assert keeper.end() == 0


def test_a_job_that_writes_into_the_keepers_pipe_ends_its_own_runner(keeper: Keeper) -> None:
    """What cannot be understood is not guessed at."""
    keeper.give("scribbles")
    keeper.until(lambda: keeper.code is not None, "its end")
    assert keeper.code == -signal.SIGKILL
    assert "could not be understood" in (keeper.runner.kill_reason or "")


@pytest.mark.parametrize("job_type", ["closes_everything", "closes_everything_in_thread"])
def test_a_job_that_closes_its_runners_files_is_known_to_have_run(keeper: Keeper, job_type: str) -> None:
    """Its end cannot be told; handed back as never started, it would do it again for ever."""
    token = keeper.give(job_type)
    assert keeper.end() == EXIT_UNHEARD
    assert [each.token for each in keeper.left] == [token]


def test_a_runner_that_cannot_be_heard_any_more_is_ended(keeper: Keeper) -> None:
    """Its pipe is closed, and it lives: nobody would ever learn what became of its jobs."""
    token = keeper.give("closes_the_pipe_and_goes_on")
    keeper.until(lambda: keeper.code is not None, "its end")
    assert keeper.code == -signal.SIGKILL
    assert keeper.runner.kill_reason == "it closed the pipe to its keeper"
    assert [each.token for each in keeper.left] == [token]


@pytest.mark.parametrize("job_type", ["forks", "forks_in_thread"])
def test_the_child_of_a_job_that_forked_does_not_go_on_as_a_second_runner(
    start: Callable[..., Keeper], job_type: str
) -> None:
    """It holds copies of the waiting jobs, and of the pipe."""
    keeper = start(slots=1)
    tokens = [keeper.give(job_type), *(keeper.give("raises_in_thread", '{"what": "error"}') for _ in range(3))]
    results = [keeper.find(token) or keeper.until(lambda t=token: keeper.find(t), "an end") for token in tokens]  # type: ignore[misc]
    assert results[0][0] == "ok"
    assert int(results[0][1]) > 0
    assert keeper.end() == 0
    assert sum(len(frame[1]) for frame in keeper.frames if frame[0] == "bad") == 3


def test_a_runner_whose_keeper_falls_silent_ends_itself(start: Callable[..., Keeper]) -> None:
    """Before the lease is over, so that nobody else can be running its jobs."""
    keeper = start(lease_seconds=1.0)
    keeper.runner.board.lease_sign_ns = int(lease_clock() * 1e9)
    keeper.give("waits")
    deadline = time.monotonic() + PATIENCE
    with keeper._changed:
        while keeper.code is None:
            assert keeper._changed.wait(deadline - time.monotonic())
    assert keeper.code == 75
