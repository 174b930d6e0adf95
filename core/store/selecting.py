"""Lists and counts of jobs by a selection: the tree of core/model/selection as one SQLAlchemy Core statement.

Three ways, by what the selection says. Jobs that are known by number or key are looked up. Where only
`job` itself matters, it is read backwards by id. Otherwise the table of each state that can match is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Dialect,
    Select,
    SmallInteger,
    Text,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    true,
    union_all,
    values,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from ..model.job import MAX_ID, Job
from ..model.results import Tally
from ..model.selection import AnyOf, Between, Condition, Selection
from ..model.states import State
from .jobs import Connection, read_job
from .patience import patient
from .places import OF_JOB, SEEN, Place, place_of, states_of
from .predicates import predicate
from .tables import idempotency, job, job_now, queue, ready

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import CTE, Subquery
    from sqlalchemy.sql.selectable import SelectBase

GROUPS = ("queue", "state", "type", "error")
"""What counts may be told apart by."""
DIALECT: Dialect = PGDialect_psycopg(paramstyle="pyformat")  # type: ignore[no-untyped-call]
_ONE: ColumnElement[int] = literal_column("1")
_AGE = {state: number for number, state in enumerate(State)}
"""States in the order in which a job goes through them: those of old jobs last."""


@dataclass(frozen=True, slots=True)
class Page:
    """before: only jobs with smaller ids. limit: at most so many."""

    before: int = MAX_ID
    limit: int = 50


def select_jobs(connection: Connection, selection: Selection, page: Page, *, patience: float) -> list[Job]:
    """Return one page of jobs that fit, newest first. TryAgain: it took longer than `patience` seconds."""
    return [read_job(row) for row in run(connection, jobs_statement(selection, page), patience)]


def select_ids(connection: Connection, selection: Selection, page: Page, *, patience: float) -> list[int]:
    """The same, their ids alone."""
    return [row[0] for row in run(connection, ids_statement(selection, page), patience)]


def count_by(connection: Connection, selection: Selection, by: Sequence[str], *, patience: float) -> list[Tally]:
    """Count the jobs that fit, one count for each combination of `by` (names in GROUPS). TryAgain as above."""
    rows = run(connection, count_statement(selection, by), patience)
    return [Tally(dict(zip(by, row[:-1], strict=True)), row[-1]) for row in rows]


def jobs_statement(selection: Selection, page: Page) -> Select[Any]:
    """A page of jobs, in one statement, so that none is seen between two states."""
    ids = ids_statement(selection, page).scalar_subquery()
    return select(*job_now.c).where(job_now.c.id == any_(func.array(ids))).order_by(job_now.c.id.desc())


def ids_statement(selection: Selection, page: Page) -> Select[Any]:
    """The ids of a page."""
    limit = bindparam(None, page.limit, BigInteger)
    before = bindparam(None, page.before, BigInteger)
    known = known_ids(selection)
    if known is not None:
        found = seen(selection, known).where(job_now.c.id < before)
        return found.order_by(job_now.c.id.desc()).limit(limit)
    if _of_job_alone(selection):
        clauses = [predicate(each, OF_JOB) for each in selection.conditions if each.field != "state"]
        return select(job.c.id).where(job.c.id < before, *clauses).order_by(job.c.id.desc()).limit(limit)
    states = states_of(selection)
    # What is looked up job by job comes last, and goes no further back than the page that the rest fills.
    cheap_first = sorted(states, key=lambda state: (bool(_split(selection, place_of(state))[0]), _AGE[state]))
    pages: list[CTE] = []
    for state in cheap_first:
        after = _end_of_page(pages, limit)
        made = [each.cte(f"{state}_{n}") for n, each in enumerate(_branches(state, selection, before, after, limit))]
        pages += made
    if not pages:
        return select(cast(null(), BigInteger).label("job_id")).limit(0)
    page_ = _together(pages)
    return select(page_.c.job_id).order_by(page_.c.job_id.desc()).limit(limit)


def count_statement(selection: Selection, by: Sequence[str]) -> Select[Any]:
    """How many jobs fit, by the columns of `by` and then the number; an error is told by one of its kind."""
    known = known_ids(selection)
    sources: list[SelectBase] = []
    if known is not None:
        sources.append(seen(selection, known, *_grouped(by, job_now.c.state, SEEN, SEEN)))
    elif _of_job_alone(selection) and not {"state", "error"} & set(by):
        clauses = [predicate(each, OF_JOB) for each in selection.conditions if each.field != "state"]
        sources.append(select(*_grouped(by, null(), OF_JOB, {})).where(*clauses))
    else:
        for state in State:
            if state in states_of(selection):
                word = literal_column(f"'{state.value}'", Text)
                columns = _grouped(by, word, OF_JOB, place_of(state).columns)
                sources.append(of_state(state, selection, columns))
    if not sources:
        sources.append(select(*_grouped(by, null(), {}, {})).limit(0))
    rows = union_all(*sources).subquery("found")
    keys = [rows.c[name] for name in by if name != "error"]
    if "error" in by:
        keys.append(rows.c.fingerprint)
    shown = [func.max(rows.c.error) if name == "error" else rows.c[name] for name in by]
    return select(*shown, func.count()).select_from(rows).group_by(*keys).order_by(func.count().desc(), *keys)


# Where rows come from


def _together(found: Sequence[CTE]) -> Subquery:
    return union_all(*(select(each.c.job_id) for each in found)).subquery()


def _end_of_page(found: Sequence[CTE], limit: ColumnElement[Any]) -> ColumnElement[Any] | None:
    """The id below which no job is on the page, because those found so far fill it; 0 if they do not."""
    if not found:
        return None
    rows = _together(found)
    last = select(rows.c.job_id).order_by(rows.c.job_id.desc()).offset(limit - _ONE).limit(1)
    return func.coalesce(last.scalar_subquery(), literal_column("0", BigInteger))


def _branches(
    state: State,
    selection: Selection,
    before: ColumnElement[Any],
    after: ColumnElement[Any] | None,
    limit: ColumnElement[Any],
) -> Iterator[Select[Any]]:
    """Reads the state's table backwards; whether the job fits is looked up one by one, whatever the statistics say."""
    if state is State.QUEUED:
        yield _lanes(selection, before, after, limit)
    table = place_of(state).table
    where = [*_standing(state, selection, table.c.job_id), *_within(table.c.job_id, before, after)]
    if state is State.QUEUED:
        where.append(ready.c.seq != ready.c.job_id)
    found = select(table.c.job_id.label("job_id")).where(*where)
    wanted = _wanted(state, selection, table.c.job_id)
    if wanted is not None:
        found = found.select_from(table.join(wanted, true()))
    yield found.order_by(table.c.job_id.desc()).limit(limit)


def _within(
    id_: ColumnElement[Any], before: ColumnElement[Any], after: ColumnElement[Any] | None
) -> list[ColumnElement[bool]]:
    return [id_ < before] if after is None else [id_ < before, id_ > after]


def _lanes(
    selection: Selection, before: ColumnElement[Any], after: ColumnElement[Any] | None, limit: ColumnElement[Any]
) -> Select[Any]:
    """Queued jobs that are in their lane for the first time: each lane backwards (see list_jobs_by_state.sql)."""
    lane = values(column("priority", SmallInteger), name="lane").data([(number,) for number in range(4)])
    found = select(ready.c.job_id).where(
        ready.c.queue == queue.c.name,
        ready.c.priority == lane.c.priority,
        *_within(ready.c.seq, before, after),
        case((ready.c.seq == ready.c.job_id, true())),
        *_standing(State.QUEUED, selection, ready.c.seq),
    )
    wanted = _wanted(State.QUEUED, selection, ready.c.job_id)
    if wanted is not None:
        found = found.select_from(ready.join(wanted, true()))
    each = found.correlate(queue, lane).order_by(ready.c.seq.desc()).limit(limit).lateral("each")
    queues = [predicate(item, {"queue": queue.c.name}) for item in selection.conditions if item.field == "queue"]
    lanes = queue.join(lane, true()).join(each, true())
    return select(each.c.job_id.label("job_id")).select_from(lanes).where(*queues)


def _standing(state: State, selection: Selection, id_: ColumnElement[Any]) -> list[ColumnElement[bool]]:
    """The conditions on where a job stands, and on its number."""
    place = place_of(state)
    _, placed = _split(selection, place)
    clauses = [predicate(each, place.columns) for each in placed]
    if state is State.BLOCKED:
        # Few jobs that wait have either, and each has an index of those that do.
        rare = {each.field for each in placed if not each.negated} & {"due", "held"}
        clauses += [place.columns[name].is_not(None) for name in sorted(rare)]
    clauses += [predicate(each, {"id": id_}) for each in selection.conditions if each.field == "id"]
    if "state" in place.table.c:
        # Not a parameter, so that a plan that serves any parameters can use the state's index.
        clauses.append(place.table.c.state == literal_column(f"'{state.value}'"))
    return clauses


def _wanted(state: State, selection: Selection, id_: ColumnElement[Any]) -> Any:
    """The conditions on the job itself, as a join that is made by primary key; None without any."""
    own, _ = _split(selection, place_of(state))
    if not own:
        return None
    clauses = [predicate(each, OF_JOB) for each in own]
    return (
        select(_ONE).select_from(job).where(job.c.id == id_, *clauses).offset(bindparam(None, 0, BigInteger)).lateral()
    )


def of_state(state: State, selection: Selection, columns: Sequence[ColumnElement[Any]]) -> Select[Any]:
    """Every job of the state that fits: these columns of `job` and of its place."""
    place = place_of(state)
    own, _ = _split(selection, place)
    found = select(*columns).select_from(place.table.join(job, job.c.id == place.table.c.job_id))
    return found.where(*_standing(state, selection, job.c.id), *(predicate(each, OF_JOB) for each in own))


def _grouped(by: Sequence[str], state: Any, own: Any, placed: Any) -> list[ColumnElement[Any]]:
    """What counts are told apart by, of one place."""
    columns = {name: own.get(name, cast(null(), Text)) for name in ("queue", "type")} | {"state": cast(state, Text)}
    found = [columns[name].label(name) for name in by if name != "error"]
    if "error" in by:
        found += [placed.get(name, cast(null(), Text)).label(name) for name in ("error", "fingerprint")]
    return found or [_ONE.label("one")]


def seen(selection: Selection, known: ColumnElement[Any], *shown: Any) -> Select[Any]:
    """Jobs that are known, by the view."""
    clauses = [predicate(each, SEEN) for each in selection.conditions]
    return select(*(shown or (job_now.c.id.label("job_id"),))).where(job_now.c.id == any_(known), *clauses)


def known_ids(selection: Selection) -> Any:
    """The ids of all jobs that can fit, where the selection names numbers or keys; else None."""
    for condition in selection.conditions:
        if condition.negated or not isinstance(condition.test, AnyOf):
            continue
        words = condition.test.values
        if condition.field == "id" and not any(isinstance(value, Between) for value in words):
            return bindparam(None, list(words), ARRAY(BigInteger))
        if condition.field == "key":
            keys = bindparam(None, [str(value) for value in words], ARRAY(Text))
            found = select(idempotency.c.job_id).where(idempotency.c.key == any_(keys))
            return func.array(found.scalar_subquery())
    return None


def _of_job_alone(selection: Selection) -> bool:
    """Whether every state fits, and where the job stands does not matter."""
    fields = {condition.field for condition in selection.conditions} - {"state"}
    return states_of(selection) == frozenset(State) and fields <= set(OF_JOB)


def _split(selection: Selection, place: Place) -> tuple[list[Condition], list[Condition]]:
    """The conditions that need the job's own row, and those on where it stands. Number and state are neither."""
    own: list[Condition] = []
    placed: list[Condition] = []
    for condition in selection.conditions:
        if condition.field in ("id", "state"):
            continue
        needs_row = condition.field in OF_JOB and condition.field not in place.columns
        (own if needs_row else placed).append(condition)
    return own, placed


# Running it


def compiled(statement: SelectBase) -> tuple[bytes, dict[str, Any]]:
    """The statement's text and its parameters, as psycopg takes them."""
    made = statement.compile(dialect=DIALECT)
    return str(made).encode(), dict(made.construct_params())


def run(connection: Connection, statement: SelectBase, patience: float) -> list[tuple[Any, ...]]:
    """Return the statement's rows. TryAgain: they took longer than `patience` seconds."""
    text, params = compiled(statement)
    with patient(connection, patience):
        return connection.execute(text, params).fetchall()
