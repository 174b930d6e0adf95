"""An application's database, ready for jobs, with what the examples name."""

from __future__ import annotations

from typing import Any

import psycopg

from jobsched.core.store import applied_table
from jobsched.core.store.databases import Database

from ..scene import Scene

TABLES = """
create table users (id bigint primary key, status text);
insert into users values (123, 'new');
create table sessions (id bigint primary key, user_id bigint);
insert into sessions values (7, 123), (9, 123);
"""


def prepare(example: dict[str, Any], scene: Scene) -> dict[str, Any]:
    """The example as it is."""
    with psycopg.connect(scene.database_url) as connection:
        connection.execute(TABLES)
    return _ready(scene, example)


def slow(scene: Scene) -> dict[str, Any]:
    """A query that sleeps, and may."""
    return _ready(scene, {"query": "select pg_sleep(120)", "statement_timeout": 300})


def temporary(scene: Scene) -> dict[str, Any]:
    """A query that takes longer than it may; the server may be less busy next time."""
    return _ready(scene, {"query": "select pg_sleep(120)", "statement_timeout": 0.05})


def hopeless(scene: Scene) -> dict[str, Any]:
    """A table that is not there."""
    return _ready(scene, {"query": "delete from nowhere"})


def _ready(scene: Scene, payload: dict[str, Any]) -> dict[str, Any]:
    applied_table.create(Database("default", scene.database_url))
    scene.settings(databases={"default": scene.database_url})
    return payload
