"""A page of the jobs that fit a selection in another order than the newest first: all of them are looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Double,
    Select,
    Text,
    bindparam,
    cast,
    null,
    select,
    union_all,
)
from sqlalchemy.types import TypeEngine

from ..model.errors import UsageError
from ..model.job import Job
from ..model.selection import FIELDS, Selection
from ..model.states import State
from .jobs import Connection, get_jobs
from .places import OF_JOB, SEEN, Columns, place_of, states_of
from .selecting import known_ids, of_state, run, seen
from .tables import job, job_now

if TYPE_CHECKING:
    from sqlalchemy.sql.selectable import SelectBase

_TYPES: dict[str, TypeEngine[Any]] = {"text": Text(), "time": DateTime(timezone=True), "span": Double()}
SORTABLE = tuple(name for name, field in FIELDS.items() if field.kind not in ("args", "tags", "state"))


def sorted_jobs(connection: Connection, selection: Selection, sort: str, limit: int, *, patience: float) -> list[Job]:
    """Return the first `limit` jobs by a field, smallest first, or largest with `-field`; those without it last."""
    field, descending = sort.removeprefix("-"), sort.startswith("-")
    if field not in SORTABLE:
        raise UsageError(f"jobs are not sorted by {field[:40]!r} — there are {', '.join(SORTABLE)}")
    ids = [row[0] for row in run(connection, sorted_statement(selection, field, descending, limit), patience)]
    found = get_jobs(connection, ids)
    return [found[job_id] for job_id in ids if job_id in found]


def sorted_statement(selection: Selection, field: str, descending: bool, limit: int) -> Select[Any]:
    """The ids of the first `limit` jobs by a field. Of priorities, the more urgent is the larger."""
    sources: list[SelectBase] = []
    known = known_ids(selection)
    if known is not None:
        sources.append(seen(selection, known, job_now.c.id.label("job_id"), _key(field, SEEN)))
    else:
        for state in State:
            if state in states_of(selection):
                columns = {**place_of(state).columns, **OF_JOB}
                sources.append(of_state(state, selection, [job.c.id.label("job_id"), _key(field, columns)]))
    if not sources:
        sources.append(select(cast(null(), BigInteger).label("job_id"), cast(null(), Text).label("key")).limit(0))
    rows = union_all(*sources).subquery("found")
    key = rows.c.key.desc().nulls_last() if descending else rows.c.key.asc().nulls_last()
    return select(rows.c.job_id).order_by(key, rows.c.job_id.desc()).limit(bindparam(None, limit, BigInteger))


def _key(field: str, columns: Columns) -> ColumnElement[Any]:
    """What is sorted by, of one type in every place."""
    column = columns.get(field, null())
    kind = FIELDS[field].kind
    if kind == "priority":
        column = -column
    return cast(column, _TYPES.get(kind, BigInteger())).label("key")
