"""Measure this machine's jobsched beside its raw Postgres."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from ...core.model.errors import UsageError
from .. import diagnostics, invocation, output
from ..output import Column

if TYPE_CHECKING:
    from ...core.bench.figures import Figure
    from ...core.bench.ground import Ground

app = typer.Typer()
COLUMNS = (
    Column("name"),
    Column("value", "number"),
    Column("unit"),
    Column("ratio", "number"),
    Column("against"),
    Column("more"),
    Column("setting", "json", shown=False),
    Column("server", "json", shown=False),
)
StoreFlag = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Measure in this store instead of a scratch one.")
]
ConcurrencyFlag = Annotated[int, typer.Option("--concurrency", "-c", min=1, help="Of each worker.")]


@app.command()
def drain(
    jobs: Annotated[int, typer.Option("--jobs", min=1000, help="How many no-ops to drain.")] = 300_000,
    workers: Annotated[str, typer.Option("--workers", metavar="N,M", help="One run for each.")] = "1,2",
    concurrency: ConcurrencyFlag = 10,
    repeat: Annotated[int, typer.Option("--repeat", min=1, help="Runs of each kind.")] = 1,
    history: Annotated[int, typer.Option("--history", min=0, help="Finished jobs that are there before.")] = 0,
    store: StoreFlag = None,
) -> None:
    """How fast workers empty a full queue of no-ops, and where the time goes."""
    counts = _counts(workers)
    from ...core.bench import drain as bench

    _measure(store, lambda ground: bench.run(ground, jobs=jobs, workers=counts, concurrency=concurrency, repeat=repeat))


@app.command()
def enqueue(
    jobs: Annotated[int, typer.Option("--jobs", min=1000, help="For the bulk ways.")] = 200_000,
    seconds: Annotated[float, typer.Option("--seconds", min=0.5, help="For one at a time, and its limit.")] = 10.0,
    store: StoreFlag = None,
) -> None:
    """How fast jobs get in: one at a time, by the thousand, by COPY."""
    from ...core.bench import enqueue as bench

    _measure(store, lambda ground: bench.run(ground, jobs=jobs, seconds=seconds))


@app.command()
def latency(
    jobs: Annotated[int, typer.Option("--jobs", min=10, help="How many, one at a time.")] = 1000,
    workers: Annotated[int, typer.Option("--workers", min=1, help="How many stand idle.")] = 1,
    concurrency: ConcurrencyFlag = 10,
    store: StoreFlag = None,
) -> None:
    """How long a job waits for an idle worker."""
    from ...core.bench import latency as bench

    _measure(store, lambda ground: bench.run(ground, jobs=jobs, workers=workers, concurrency=concurrency))


@app.command()
def pinned(
    seconds: Annotated[int, typer.Option("--seconds", min=20, help="Of each run.")] = 60,
    workers: Annotated[int, typer.Option("--workers", min=1, help="Workers at full speed.")] = 1,
    concurrency: ConcurrencyFlag = 10,
    store: StoreFlag = None,
) -> None:
    """What a session that holds an old snapshot costs."""
    from ...core.bench import pinned as bench

    _measure(store, lambda ground: bench.run(ground, seconds=seconds, workers=workers, concurrency=concurrency))


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise UsageError(f"--workers is {text[:40]!r} — it is one or more numbers", fix="--workers 1,2")
    return counts


def _measure(store: str | None, run: object) -> None:
    assert callable(run)
    from ...core.bench.ground import check_scratch, open_ground

    called = invocation.current()
    check_scratch(store, yes=called.yes)
    with open_ground(called.settings, store) as ground:
        server = _server(ground)
        diagnostics.note("measuring: this takes a while, and anything else that runs here changes it")
        figures: Iterable[Figure] = run(ground)
        output.emit("bench", COLUMNS, ({**_row(figure), "server": server} for figure in figures))


def _server(ground: Ground) -> dict[str, str]:
    from ...core.store.measure import settings

    with ground.service.store.connection() as conn:
        return settings(conn)


def _row(figure: Figure) -> dict[str, object]:
    return {
        "name": figure.name,
        "value": round(figure.value, 2 if figure.value < 100 else 0),
        "unit": figure.unit,
        "ratio": None if figure.ratio is None else round(figure.ratio, 2),
        "against": figure.against,
        "more": " ".join(f"{name}={value:.1f}" for name, value in figure.more.items()),
        "setting": figure.setting,
    }
