"""LISTEN, over a connection that is proved alive while nothing comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from psycopg import Connection, sql
from psycopg.rows import TupleRow

TURN_SECONDS = 0.5
STARTED = ""
"""The channel of the first word, which says that from now on nothing is missed."""


def listen(
    conn: Connection[TupleRow], channels: Sequence[str], *, probe: float, until: Callable[[], bool]
) -> Iterator[tuple[str, str]]:
    """Yield (STARTED, ""), then (channel, payload) of each notification, until `until` says so.

    probe: after so many silent seconds the connection is asked something, so that one which died
    without a word is noticed. psycopg's errors are raised as they are.
    """
    for channel in channels:
        conn.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
    yield STARTED, ""
    heard = time.monotonic()
    while not until():
        for notify in conn.notifies(timeout=TURN_SECONDS, stop_after=1):
            heard = time.monotonic()
            yield notify.channel, notify.payload
        if time.monotonic() - heard > probe:
            conn.execute("select 1")
            heard = time.monotonic()
