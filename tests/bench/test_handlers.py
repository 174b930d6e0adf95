"""What running a job through the scheduler costs beside doing its work in a loop.

    .venv/bin/pytest tests/bench/test_handlers.py -s

The bare run does the work one after the other in this process: the handler's function, and for
`command` also asyncio's own subprocess. The scheduled run has a worker with `--concurrency 1` do the
same work, with a Postgres that syncs to the disk. Both have warmed up. Wall time is from the first start
to the last end. CPU time is of all that takes part: the worker, its runner and the programs that they
start; Postgres stands beside it. The share is what the scheduler adds, of the scheduled run's whole.

A machine's speed moves by more than is measured here, within seconds. So rounds are of seconds, the
kinds take turns within each, another one first each time, and are compared only within it: the median of
what the rounds say counts. It can come out below nothing. Programs tell the CPU time that they had, and of
that the median of all counts, for a few of them take half as long again, and do so in all kinds; the rounds
tell the rest.

Both work on one and the same core. Another one is always busy, with Postgres and with nothing: two that share
their units and caches are slower each while both have something to do, so a bare run beside an idle one would
be flattered.
"""

from __future__ import annotations

import asyncio
import io
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobsched.core.config import load
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import embedded, schema
from tests.faults.fleet import Fleet, Worker, children_of, descendants_of, until
from tests.handlers.context import RecordingContext

ROUNDS = 24
GOAL = 0.05
PATIENCE = 300.0
LOOK_SECONDS = 0.25
"""Seldom: to look takes of the worker's core."""
BUSY = "import os\nos.nice(19)\nwhile os.getppid() == {parent}:\n    sum(range(100_000))"
SCHEDULED = "scheduled"
TICKS = os.sysconf("SC_CLK_TCK")
INVOICE: dict[str, Any] = {
    "number": "2026-0042",
    "date": "2026-01-31",
    "seller": {"name": "Example GmbH", "address": ["Hauptstraße 1", "10115 Berlin"]},
    "buyer": {"name": "Ωμέγα", "address": ["Οδός Ερμού 5"]},
    "items": [{"description": f"Item {n}", "quantity": n, "unit_price": "9.99", "tax_rate": 19} for n in range(1, 21)],
}
SIZES = [{"width": 1600}, {"width": 800}, {"width": 320, "height": 320, "fit": "cover"}]
IMAGE = {"bucket": "uploads", "key": "photo.jpg", "sizes": SIZES}


def python(work: str) -> dict[str, Any]:
    """A command that does this and then says what CPU time it had, in the file that is its argument."""
    told = 'with open(sys.argv[1], "a") as tally:\n    tally.write(f"{time.process_time()}\\n")'
    return {"argv": [sys.executable, "-c", f"import sys, time\n{work}\n{told}"]}


WORK: dict[str, tuple[str, dict[str, Any], int, float]] = {
    "pdf_invoice": ("pdf_invoice", INVOICE, 10, GOAL),
    "image_resize": ("image_resize", IMAGE, 4, GOAL),
    "command of 0.1 s": ("command", python("sum(range(5_000_000))"), 20, GOAL),
    # Next to no work: what is measured here is the scheduler itself, and the share is only printed.
    "command that starts Python": ("command", python(""), 40, 1.0),
    "command that does nothing": ("command", {"argv": ["true"]}, 200, 1.0),
}
"""Name → type, payload, how many times a round, and how large the scheduler's share of the CPU time may be."""


@dataclass
class Spent:
    """Seconds a job. cpu: without `own`, which programs told, one number each."""

    jobs: int
    wall: float
    cpu: float
    database: float = 0.0
    own: tuple[float, ...] = ()


@pytest.fixture
def fleet(environ: dict[str, str], home: Path, tmp_path: Path) -> Iterator[Fleet]:
    """A store that loses nothing, in a folder of its own."""
    url = embedded.start(home)
    schema.upgrade(url)
    settings = load(environ=environ | {"JOBSCHED_DATABASE_URL": url}, cwd=tmp_path)
    with Service(settings, registry=Registry()) as service:
        workers = Fleet(environ, tmp_path, service)
        try:
            yield workers
        finally:
            workers.close()


@pytest.fixture
def one_core(fleet: Fleet) -> Iterator[None]:
    """This process, and what it starts, on one core; Postgres on another one, which is never idle."""
    cores = os.sched_getaffinity(0)
    assert len(cores) > 1, "a core for the work and one for Postgres"
    mine, other = sorted(cores)[:2]
    for pid in postgres_of(fleet):
        os.sched_setaffinity(pid, {other})
    busy = subprocess.Popen([sys.executable, "-c", BUSY.format(parent=os.getpid())])
    os.sched_setaffinity(busy.pid, {other})
    os.sched_setaffinity(0, {mine})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)
        busy.kill()
        busy.wait()


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("one_core")
@pytest.mark.parametrize("name", WORK)
def test_what_the_scheduler_adds_is_a_small_share(name: str, fleet: Fleet, home: Path, tmp_path: Path) -> None:
    """Under five percent of the CPU time of anything that does some work, however busy the machine is."""
    job_type, payload, times, goal = WORK[name]
    context = RecordingContext(home)
    if job_type == "image_resize":
        context.objects.put("uploads", "photo.jpg", photo(), "image/jpeg")
    tally = tmp_path / "tally"
    if job_type == "command":
        payload = {"argv": [*payload["argv"], str(tally)]}
    bare_works = {"handler": call(job_type, payload, context)}
    if job_type == "command":
        bare_works["asyncio"] = partial(spawn, payload["argv"])
    worker = fleet.start("--allow-commands", "--concurrency", "1", JOBSCHED_IMPORTS="", JOBSCHED_HOME=str(home))
    turns: dict[str, Callable[[], Spent]] = {kind: partial(bare, work, times) for kind, work in bare_works.items()}
    turns[SCHEDULED] = partial(scheduled, fleet, worker, NewJob(job_type, payload), times)
    turns[SCHEDULED]()
    rounds = [take_turns(turns, first, tally) for first in range(ROUNDS)]
    print(f"\n{name}, {ROUNDS} rounds of {times} jobs")  # noqa: T201 (this is what it is for)
    for kind in turns:
        print(line(kind, rounds))  # noqa: T201
    assert max(added(kind, rounds) for kind in bare_works) / cost(SCHEDULED, rounds) < goal


def take_turns(turns: dict[str, Callable[[], Spent]], first: int, tally: Path) -> dict[str, Spent]:
    """One round: each kind once, beginning with that number."""
    kinds = [*turns]
    start = first % len(kinds)
    return {kind: with_own(turns[kind], tally) for kind in kinds[start:] + kinds[:start]}


def with_own(turn: Callable[[], Spent], tally: Path) -> Spent:
    """Take one turn, and set apart what the programs say that they had; the one that warms up is not counted."""
    tally.write_text("")
    spent, told = turn(), [float(line) for line in tally.read_text().split()]
    if not told:
        return spent
    own = tuple(told[-spent.jobs :])
    return replace(spent, cpu=spent.cpu - statistics.mean(own), own=own)


def photo() -> bytes:
    """A JPEG of twelve megapixels that is neither flat nor pure noise."""
    image = Image.effect_noise((1000, 750), 60).resize((4000, 3000), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    Image.merge("RGB", (image, image.rotate(180), Image.linear_gradient("L").resize((4000, 3000)))).save(
        out, "JPEG", quality=90
    )
    return out.getvalue()


def call(job_type: str, payload: dict[str, Any], context: RecordingContext) -> Callable[[int], None]:
    """The handler's own function, in a loop."""
    handler = Registry().find(job_type)
    assert handler is not None
    assert handler.payload_model is not None
    model, function = handler.payload_model, handler.function

    async def on_a_loop(times: int) -> None:
        for _ in range(times):
            await function(model.model_validate(payload), context)

    def work(times: int) -> None:
        for _ in range(times):
            function(model.model_validate(payload), context)

    return (lambda times: asyncio.run(on_a_loop(times))) if handler.is_async else work


def spawn(argv: list[str], times: int) -> None:
    """The same program by asyncio alone, its output read, in a session of its own."""

    async def one() -> None:
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=none, stdout=pipe, stderr=pipe, start_new_session=True
        )
        await process.communicate()

    async def all_of_them() -> None:
        for _ in range(times):
            await one()

    asyncio.run(all_of_them())


def bare(work: Callable[[int], None], times: int) -> Spent:
    """Do it here, having warmed up."""
    work(1)
    cpu, began = own_cpu(), time.perf_counter()
    work(times)
    return Spent(times, (time.perf_counter() - began) / times, (own_cpu() - cpu) / times)


def own_cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def scheduled(fleet: Fleet, worker: Worker, new: NewJob, times: int) -> Spent:
    """Have the worker do it."""
    pids = [worker.pid, *descendants_of(worker.pid)]
    database = postgres_of(fleet)
    before, stored = cpu_of(pids), cpu_of(database)
    jobs = [made.id for made in fleet.service.submit_many([new] * times)]
    done = "select count(*) from jobsched.outcome where job_id = any(%s)"
    until(lambda: fleet.rows(done, jobs) == [(times,)], f"{times} jobs are done", PATIENCE, LOOK_SECONDS)
    assert set(descendants_of(worker.pid)) <= {*pids}, "a runner was started meanwhile"
    ended = [fleet.service.get(job) for job in jobs]
    assert all(job.state.value == "succeeded" for job in ended), ended[0].error
    began, end = min(job.started_at for job in ended), max(job.finished_at for job in ended)  # type: ignore[type-var]
    wall = (end - began).total_seconds()  # type: ignore[operator]
    return Spent(times, wall / times, (cpu_of(pids) - before) / times, (cpu_of(database) - stored) / times)


def postgres_of(fleet: Fleet) -> list[int]:
    """Its processes; what ends meanwhile is counted by the first of them."""
    ((backend,),) = fleet.rows("select pg_backend_pid()")
    parent = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])
    return [parent, *children_of(parent)]


def cpu_of(pids: list[int]) -> float:
    """CPU seconds that these processes have used, with their children that have ended."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15]))
    return total / TICKS


def own(kind: str, rounds: list[dict[str, Spent]]) -> float:
    """What its programs said, the median of all."""
    told = [seconds for each in rounds for seconds in each[kind].own]
    return statistics.median(told) if told else 0.0


def cost(kind: str, rounds: list[dict[str, Spent]]) -> float:
    """CPU seconds a job."""
    return own(kind, rounds) + statistics.median(each[kind].cpu for each in rounds)


def added(kind: str, rounds: list[dict[str, Spent]]) -> float:
    """CPU seconds a job that the scheduler adds to this kind."""
    rest = statistics.median(each[SCHEDULED].cpu - each[kind].cpu for each in rounds)
    return own(SCHEDULED, rounds) - own(kind, rounds) + rest


def line(kind: str, rounds: list[dict[str, Spent]]) -> str:
    """Jobs a second by the clock and by core, and what the scheduler adds to this."""
    wall, cpu = statistics.median(each[kind].wall for each in rounds), cost(kind, rounds)
    text = f"  {kind:9} {1 / wall:8.1f}/s  CPU {cpu * 1000:7.2f} ms a job = {1 / cpu:7.1f}/s a core"
    if mine := own(kind, rounds):
        text += f" (its program {mine * 1000:.2f} ms)"
    if kind == SCHEDULED:
        database = statistics.median(each[kind].database for each in rounds)
        return f"{text}  beside it Postgres {database * 1000:.2f} ms"
    time_share = statistics.median(1 - each[kind].wall / each[SCHEDULED].wall for each in rounds)
    more = added(kind, rounds)
    cpu_share = more / cost(SCHEDULED, rounds)
    return f"{text}  the scheduler adds {time_share:.1%} time, {cpu_share:.1%} CPU ({more * 1000:.2f} ms)"
