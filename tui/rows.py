"""What the tables of queues and workers, and the lines that say the same, are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.model.results import QueueInfo, WorkerInfo
from ..core.model.watching import MOST_COUNTED, Ends, WatchedQueue
from .look import number, span
from .questions import Board

LIVENESS = {"live": ("●", "*", "green"), "late": ("◐", "!", "yellow"), "lost": ("✖", "x", "red")}


@dataclass(frozen=True, slots=True)
class QueueRow:
    """A queue with what came and went in it, and how many jobs its workers can run at a time."""

    watched: WatchedQueue
    submitted: float
    ends: Ends | None
    slots: int

    @property
    def queue(self) -> QueueInfo:
        return self.watched.queue


def queue_rows(board: Board) -> list[QueueRow]:
    """The queues, those with most to do first."""
    flow, workers = board.flow, [worker for worker in board.workers if worker.liveness != "lost"]
    rows = [
        QueueRow(
            each,
            flow.submitted.get(each.queue.name, 0.0),
            flow.ended.get(each.queue.name),
            sum(worker.concurrency for worker in workers if serves(worker, each.queue.name)),
        )
        for each in board.queues
    ]
    return sorted(rows, key=lambda row: (-row.queue.queued - row.queue.running, row.queue.name))


def serves(worker: WorkerInfo, queue: str) -> bool:
    """Whether a worker takes jobs of that queue."""
    return worker.queues is None or queue in worker.queues


def depth(watched: WatchedQueue) -> str:
    """How many jobs are queued: `~` before an estimate, `+` after what is at least so many."""
    if not watched.is_cut:
        return number(watched.queue.queued)
    if watched.estimate is not None:
        return f"~{number(watched.estimate)}"
    return number(MOST_COUNTED, more=True)


def waiting(queue: QueueInfo) -> int:
    """Jobs that wait for something else than a worker."""
    return queue.scheduled + queue.retrying + queue.blocked


def attention(board: Board) -> Sequence[tuple[str, str]]:
    """What somebody should look at, most urgent first, each with its style."""
    found = []
    for worker in board.workers:
        if worker.liveness != "live":
            colour = LIVENESS[worker.liveness][2]
            found.append((f"{worker.name} {worker.liveness}, silent for {span(worker.silent)}", colour))
    for row in queue_rows(board):
        queue = row.queue
        if queue.paused:
            why = f": {queue.pause_reason}" if queue.pause_reason else ""
            found.append((f"{queue.name} is paused by {queue.paused_by}{why}", "yellow"))
        elif queue.queued and not row.slots:
            found.append((f"{queue.name}: {number(queue.queued)} queued, no worker", "red"))
        elif row.ends and row.ends.count >= 10 and row.ends.dead / row.ends.count >= 0.05:
            found.append((f"{queue.name}: {row.ends.dead / row.ends.count:.0%} died lately", "red"))
    if not board.workers:
        found.insert(0, ("no worker runs: jobsched worker", "red"))
    return found
