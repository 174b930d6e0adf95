"""What the doctor's checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import TupleRow

from ..model.findings import Finding
from .sql import load
from .store import Store


@dataclass(frozen=True, slots=True)
class Visit:
    """What the checks share. clock: this host's, seconds since 1970. patience: seconds for which a snapshot or a
    transaction may be open before it is worth a word. direct: whether LISTEN goes past the pooler. server: the row
    of doctor_server.sql, by name."""

    store: Store
    connection: Connection[TupleRow]
    clock: Callable[[], float]
    patience: float
    direct: bool
    server: dict[str, Any]

    def ask(self, name: str, **params: Any) -> list[TupleRow]:
        """Return the rows of `doctor_NAME.sql`."""
        return self.connection.execute(load(f"doctor_{name}"), params or None).fetchall()


Check = Callable[[Visit], Iterator[Finding]]
