"""Looks for jobs that break a rule which spans tables. Reads only."""

from __future__ import annotations

from typing import NamedTuple

from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from .sql import load

RULES = (
    "every job is in exactly one state",
    "every state belongs to a job",
    "a queued job stands in its own lane",
    "every running job has a worker",
    "every idempotency key leads to its job",
    "no lease has a token that was never drawn",
)


class Breach(NamedTuple):
    """A rule (one of RULES), how many jobs break it, and the smallest id of one that does."""

    rule: str
    jobs: int
    example: int


def find_breaches(connection: Connection[TupleRow]) -> list[Breach]:
    """Return the broken rules; empty for a sound store. Reads every live and finished job once."""
    with connection.cursor(row_factory=class_row(Breach)) as cursor:
        return cursor.execute(load("check_jobs")).fetchall()


def count_live_workers(connection: Connection[TupleRow]) -> int:
    """Return how many workers are using the store now."""
    row = connection.execute(load("count_live_workers")).fetchone()
    return int(row[0]) if row else 0
