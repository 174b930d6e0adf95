"""An application's database, and the queries over it that an operator has named."""

from __future__ import annotations

from typing import Any

import psycopg

from ..scene import Scene

TABLES = """
create table orders (id bigint primary key, user_id bigint, placed date, total numeric);
insert into orders select i, 123 + i % 2, date '2025-12-31' + i, i * 1.10 from generate_series(1, 10) i;
"""
QUERIES = {
    "default": "SELECT id, user_id, total FROM orders ORDER BY id",
    "user_orders": "default: SELECT id, placed, total FROM orders WHERE user_id = $1 AND placed >= $2 ORDER BY id",
    "slow": "SELECT pg_sleep(120)",
    "restless": "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)",
    "wrong": "SELECT nothing FROM orders",
}


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The example as it is."""
    return _ready(scene, example)


def slow(scene: Scene) -> dict[str, Any]:
    """A query that sleeps."""
    return _ready(scene, {"query": "slow"})


def temporary(scene: Scene) -> dict[str, Any]:
    """A query that somebody on the server ends."""
    return _ready(scene, {"query": "restless"})


def hopeless(scene: Scene) -> dict[str, Any]:
    """A column that is not there."""
    return _ready(scene, {"query": "wrong"})


def _ready(scene: Scene, payload: dict[str, Any]) -> dict[str, Any]:
    with psycopg.connect(scene.database_url) as connection:
        connection.execute(TABLES)
    scene.settings(databases={"default": scene.database_url}, queries=QUERIES)
    return payload
