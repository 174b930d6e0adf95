"""The workload simulators: the work is real, of the size that was asked for, and soon stopped."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import pytest

from jobsched.core.handler import Cancelled, Handler
from jobsched.core.registry import Registry
from jobsched.handlers._simulation import Meter, churn

from .conftest import Web  # noqa: TID251 (it is tests.handlers)
from .context import RecordingContext  # noqa: TID251 (it is tests.handlers)

NAMES = ("cpu_intensive", "io_intensive", "network_intensive", "mixed_workload", "default")
SMALL: dict[str, dict[str, Any]] = {
    "cpu_intensive": {"rounds": 3},
    "io_intensive": {"megabytes": 1},
    "network_intensive": {"requests": 2, "kilobytes": 100},
    "mixed_workload": {"seconds": 0.01, "megabytes": 1, "requests": 1, "kilobytes": 1},
    "default": {},
}
ENDLESS: dict[str, dict[str, Any]] = {
    "cpu_intensive": {"seconds": 3600},
    "io_intensive": {"megabytes": 1024, "rounds": 10_000},
    "network_intensive": {"requests": 100_000, "kilobytes": 102_400},
    "mixed_workload": {"seconds": 0, "megabytes": 0, "requests": 100_000, "kilobytes": 102_400},
}


def handler(name: str) -> Handler:
    found = Registry().find(name)
    assert found is not None
    return found


def run(name: str, payload: dict[str, Any], context: RecordingContext) -> dict[str, Any]:
    """Run it as a runner would."""
    declared = handler(name)
    assert declared.payload_model is not None
    result = declared.function(declared.payload_model.model_validate(payload), context)
    answer: dict[str, Any] = asyncio.run(result) if declared.is_async else result
    return answer


@pytest.mark.parametrize("name", NAMES)
def test_the_seeds_text_is_a_payload(name: str, context: RecordingContext) -> None:
    """`{"payload": "test task"}` runs, reports that it is done, and says what it did."""
    result = run(name, {"payload": "test task", **SMALL[name]}, context)
    assert result
    assert context.fractions[-1] == pytest.approx(1.0)
    assert context.fractions == sorted(context.fractions)


@pytest.mark.parametrize("name", NAMES)
def test_a_text_with_the_words_makes_the_attempt_fail(name: str, context: RecordingContext) -> None:
    """As in the seed's script of failing jobs; before any work is done."""
    with pytest.raises(RuntimeError, match="invalid_job"):
        run(name, {"payload": "this is an invalid_job", **ENDLESS.get(name, {})}, context)


@pytest.mark.parametrize("name", NAMES)
def test_every_size_has_a_limit_and_says_what_it_is(name: str) -> None:
    """A submitter cannot ask for more than a machine has, and reads in the schema what may be asked."""
    schema = handler(name).json_schema()
    for field, described in schema["properties"].items():
        kinds = [described, *described.get("anyOf", [])]
        if any(kind.get("type") in ("integer", "number") for kind in kinds):
            assert any("maximum" in kind for kind in kinds), field
        assert "description" in described, field


def test_so_many_rounds_are_so_many_megabytes_of_one_hash(context: RecordingContext) -> None:
    """The result can be checked by anybody."""
    result = run("cpu_intensive", {"rounds": 3, "payload": "seed"}, context)
    expected = hashlib.sha256(b"seed" + b"jobsched" * (3 << 17)).hexdigest()
    assert (result["sha256"], result["megabytes"]) == (expected, 3)
    assert result["cpu_seconds"] > 0


def test_so_many_seconds_are_of_the_processor(context: RecordingContext) -> None:
    """Time in which others had the core does not count; the overshoot is one megabyte's worth."""
    before = time.thread_time()
    result = run("cpu_intensive", {"seconds": 0.3}, context)
    used = time.thread_time() - before
    assert result["cpu_seconds"] >= 0.3
    assert 0.3 <= used < 0.6


def test_a_job_that_hashes_leaves_the_interpreter_to_others(context: RecordingContext) -> None:
    """By itself, again and again, not only when another thread insists: so jobs side by side use a core each."""
    insisting = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        with ThreadPoolExecutor(1) as pool:
            job = pool.submit(run, "cpu_intensive", {"seconds": 0.3}, context)
            turns = 0
            while not job.done():
                wait({job}, timeout=0.001)
                turns += 1
    finally:
        sys.setswitchinterval(insisting)
    assert job.result()["cpu_seconds"] >= 0.3
    assert turns > 5


@pytest.mark.parametrize("name", ENDLESS)
def test_it_stops_soon_after_it_was_asked_to(name: str, context: RecordingContext) -> None:
    """Whatever it is doing, and it leaves nothing behind."""
    begun = threading.Event()

    class Asked(RecordingContext):
        def progress(self, fraction: float, message: str = "") -> None:
            begun.set()

    asked = Asked(Path("/nowhere"))
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run, name, ENDLESS[name], asked)
        assert begun.wait(30)
        asked.cancelled = True
        since = time.monotonic()
        with pytest.raises(Cancelled):
            job.result(30)
    assert time.monotonic() - since < 5


def test_a_cancelled_coroutine_closes_its_server(context: RecordingContext) -> None:
    """network_intensive waits on the loop, and is cancelled there."""
    declared = handler("network_intensive")
    assert declared.payload_model is not None
    payload = declared.payload_model.model_validate(ENDLESS["network_intensive"])

    async def stopped() -> None:
        task = asyncio.create_task(declared.function(payload, context))
        while not context.fractions:
            await asyncio.wait({task}, timeout=0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        connections = asyncio.all_tasks() - {asyncio.current_task()}
        async with asyncio.timeout(5):
            await asyncio.gather(*connections)

    asyncio.run(stopped())


def test_what_is_written_is_read_back_as_it_was(context: RecordingContext) -> None:
    """The figures are of all rounds."""
    result = run("io_intensive", {"megabytes": 9, "rounds": 2}, context)
    assert result["megabytes"] == 18
    assert result["write_megabytes_per_second"] > 0
    assert result["read_megabytes_per_second"] > 0


def test_a_disk_that_returns_something_else_is_found_out(
    context: RecordingContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hashes are of what was written and of what was read."""
    real = tempfile.TemporaryFile

    def forgetful(**options: Any) -> Any:
        file = real(**options)
        flush: Callable[[], None] = file.flush

        def spoil() -> None:
            flush()
            os.pwrite(file.fileno(), b"?", 12345)

        file.flush = spoil
        return file

    monkeypatch.setattr(tempfile, "TemporaryFile", forgetful)
    with pytest.raises(RuntimeError, match="not what was written"):
        churn(Meter(context), megabytes=1)


def test_a_killed_job_leaves_no_file(tmp_path: Path) -> None:
    """Its file has no name: it goes with the process."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from jobsched.handlers._simulation import Meter, churn\n"
        "from tests.handlers.context import RecordingContext\n"
        "class Loud(RecordingContext):\n"
        "    def progress(self, fraction, message=''):\n"
        "        print(message, flush=True)\n"
        "churn(Meter(Loud(Path('/nowhere'))), megabytes=64, rounds=10_000)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() in ("writing\n", "reading\n")
        assert list(tmp_path.iterdir()) == []
        process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(tmp_path.iterdir()) == []


def test_it_talks_to_itself_without_a_url(context: RecordingContext) -> None:
    """Every byte goes there and comes back; no address of the payload's is involved, so none must be allowed."""
    result = run("network_task", {"requests": 3, "kilobytes": 100}, context)
    assert (result["requests"], result["bytes"]) == (3, 2 * 3 * 100 * 1024)


@pytest.mark.parametrize("name", ["network_intensive", "mixed_workload"])
def test_its_server_ends_quietly(name: str, context: RecordingContext, caplog: pytest.LogCaptureFixture) -> None:
    """What an event loop complains about would be in the job's log."""
    for _ in range(5):
        run(name, SMALL[name], context)
    assert caplog.records == []


def test_a_url_is_asked_so_often(web: Web, context: RecordingContext) -> None:
    """Under the policy of every fetch."""
    context.settings = context.settings.replace(fetch__allow=("127.0.0.1",))
    result = run("network_intensive", {"url": web.serve("/x", b"12345"), "requests": 4}, context)
    assert (len(web.received), result["requests"], result["bytes"]) == (4, 4, 20)


@pytest.mark.parametrize(
    ("part", "left_out"), [("cpu", "seconds"), ("io", "megabytes"), ("network", "requests"), ("", "")]
)
def test_a_mixed_workload_does_each_part_that_is_not_zero(context: RecordingContext, part: str, left_out: str) -> None:
    """And gives the figures of each."""
    result = run("mixed_workload", SMALL["mixed_workload"] | ({left_out: 0} if left_out else {}), context)
    assert set(result) == {"cpu", "io", "network"} - {part}


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("cpu_intensive", {"seconds": 1, "rounds": 1}),
        ("cpu_intensive", {"seconds": 3601}),
        ("cpu_intensive", {"seconds": float("nan")}),
        ("cpu_intensive", {"rounds": 0}),
        ("io_intensive", {"megabytes": 1025}),
        ("network_intensive", {"url": "http://example.com/", "kilobytes": 5}),
        ("mixed_workload", {"seconds": 0, "megabytes": 0, "requests": 0}),
        ("default", {"seconds": 1}),
    ],
)
def test_a_size_that_makes_no_sense_is_refused(name: str, payload: dict[str, Any]) -> None:
    """At the door."""
    model = handler(name).payload_model
    assert model is not None
    with pytest.raises(ValueError, match=r"validation error"):
        model.model_validate(payload)
