"""What the planner makes of a statement, for tests that guard it.

assert sequential_scans(generic_plan(connection, "cancel")) == set()
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from jobsched.core.model.selection import parse
from jobsched.core.store.selecting import Page, compiled, jobs_statement
from jobsched.core.store.sql import load

Plan = dict[str, Any]
_PARAMETER = re.compile(r"%\((\w+)\)[sbt]")


def generic_plan(connection: psycopg.Connection[Any], name: str) -> Plan:
    """Return the plan of `name`.sql that serves any parameters, as a long-lived connection comes to use."""
    names: dict[str, int] = {}
    numbered = _PARAMETER.sub(lambda found: f"${names.setdefault(found[1], len(names) + 1)}", load(name))
    nulls = sql.SQL(", ").join([sql.NULL] * len(names))
    arguments = sql.SQL("({})").format(nulls) if names else sql.SQL("")
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute("set local plan_cache_mode = force_generic_plan")
        cursor.execute(b"prepare guarded as " + numbered.encode(), prepare=False)
        cursor.execute(sql.SQL("explain (format json) execute guarded {}").format(arguments), prepare=False)
        plan = _only(cursor)
        cursor.execute("deallocate guarded")
    return plan


def custom_plan(connection: psycopg.Connection[Any], name: str, params: dict[str, Any]) -> Plan:
    """Return the plan of `name`.sql for just these parameters."""
    with connection.cursor() as cursor:
        cursor.execute(b"explain (format json) " + load(name).encode(), params, prepare=False)
        return _only(cursor)


def selection_plan(connection: psycopg.Connection[Any], text: str, page: Page, *, run: bool = False) -> Plan:
    """Return the plan of a page of the jobs that `text` selects. run: with the blocks that it touched."""
    statement, params = compiled(jobs_statement(parse(text), page))
    how = b"explain (analyze, buffers, timing off, format json) " if run else b"explain (format json) "
    with connection.cursor() as cursor:
        cursor.execute(how + statement, params, prepare=False)
        return _only(cursor)


def sequential_scans(plan: Plan) -> set[str]:
    """Return the tables that the plan reads from end to end."""
    return {node["Relation Name"] for node in nodes(plan) if node["Node Type"] == "Seq Scan"}


def nodes(plan: Plan) -> Iterator[Plan]:
    """Every node of a plan, from the top."""
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


def pretend_empty(connection: psycopg.Connection[Any], *tables: str) -> None:
    """Make the statistics say that the tables have no rows. Needs a superuser."""
    for table in tables:
        connection.execute("update pg_class set reltuples = 0 where oid = %s::regclass", (f"jobsched.{table}",))


def _only(cursor: psycopg.Cursor[Any]) -> Plan:
    row = cursor.fetchone()
    assert row is not None
    plan: Plan = row[0][0]["Plan"]
    return plan
