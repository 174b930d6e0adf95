"""Questions that are given up when they take too long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ..model.errors import TryAgain
from .jobs import Connection


@contextmanager
def patient(connection: Connection, seconds: float) -> Iterator[None]:
    """A transaction, or a part of one, in which a statement takes at most so many seconds. TryAgain after them."""
    try:
        with connection.transaction():
            limit = f"{max(1, int(seconds * 1000))}ms"
            connection.execute("select set_config('statement_timeout', %s, true)", (limit,))
            yield
    except psycopg.errors.QueryCanceled:
        raise TryAgain(
            f"the selection was not found within {seconds:g} s — it reads too much of the store",
            fix="name a state, a queue or a type as well, or a range of ids",
        ) from None
