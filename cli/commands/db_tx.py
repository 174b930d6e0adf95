"""Databases that db_tx jobs may change: prepare them, list them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import JobschedError, NotFound
from ...core.model.states import State
from .. import arguments, diagnostics, invocation, output
from ..group import dry_runnable
from ..output import Column

if TYPE_CHECKING:
    from ...core.store.databases import Database

app = typer.Typer()
COLUMNS = (
    Column("name"),
    Column("url"),
    Column("reachable", "flag", in_table=False),
    Column("table"),
    Column("problem"),
)
PRUNED = (Column("name"), Column("rows", "number"))
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="One of the names under [databases] in the settings.", show_default=False)
]


@app.command("init")
def init(
    name: Name,
    print_: Annotated[bool, typer.Option("--print", help="Print the SQL for somebody else to run.")] = False,
    grant: Annotated[
        str | None, typer.Option("--grant", metavar="ROLE", help="The role that workers connect with may use it.")
    ] = None,
) -> None:
    """Make the table that records which jobs were applied.

    It is jobsched_tx.applied: a db_tx job writes its row in the transaction of its query, so that an
    attempt after a crash finds it. What is there already stays.
    """
    from ...core.store import applied_table

    if print_:
        output.raw(applied_table.script(grant))
        return
    database = _find(name)
    made = applied_table.create(database, grant)
    diagnostics.note(
        f"made jobsched_tx.applied in database {name}" if made else f"database {name} has jobsched_tx.applied already"
    )
    if grant is not None:
        diagnostics.note(f"the role {grant} may use it")


@app.command("ls")
def ls() -> None:
    """Databases that the settings name, and if jobs can use them."""
    databases = invocation.current().settings["databases"]
    output.emit("database", COLUMNS, (_row(_find(name)) for name in sorted(databases)))
    if not databases:
        diagnostics.note("no database is named here: set JOBSCHED_DB_DEFAULT to the URL of one")


@app.command("prune")
@dry_runnable
def prune(
    name: Name,
    older_than: Annotated[str, typer.Option("--older-than", metavar="AGE", help="90d, 12h, …")] = "90d",
) -> None:
    """Delete the rows of jobs that no attempt can run again.

    Rows of other stores stay, and so do those of jobs that wait, run or could be retried.
    """
    from ...core.store import applied_table, fleet, jobs

    age = arguments.read("--older-than", older_than, parse_duration) or 0.0
    if output.fields_asked(PRUNED):
        return
    database = _find(name)
    dry_run = invocation.current().dry_run
    with invocation.open_service() as service, service.store.connection() as connection:

        def are_finished(job_ids: Sequence[int]) -> set[int]:
            """Those that have succeeded, or that the store has forgotten: a dead or cancelled job can be retried."""
            states = {job_id: standing[0] for job_id, standing in jobs.job_states(connection, job_ids).items()}
            return {each for each in job_ids if states.get(each, State.SUCCEEDED) is State.SUCCEEDED}

        store_id = fleet.store_id(connection)
        rows = applied_table.prune(database, store_id, age, are_finished, dry_run=dry_run)
    output.emit("database.pruned", PRUNED, [{"name": name, "rows": rows}])
    if dry_run:
        diagnostics.note("nothing was changed")


def _find(name: str) -> Database:
    """NotFound says how to name a database, or which names there are."""
    from ...core.store.databases import find_database

    settings = invocation.current().settings
    try:
        return find_database(settings, name)
    except NotFound as error:
        known = ", ".join(sorted(settings["databases"]))
        raise NotFound(f"{error.message} — {'known: ' + known if known else 'none is named'}", fix=error.fix) from None


def _row(database: Database) -> dict[str, Any]:
    from ...core.store import applied_table

    row: dict[str, Any] = {"name": database.name, "url": database.shown_url, "reachable": True}
    try:
        table = applied_table.state(database)
    except JobschedError as error:
        return row | {"reachable": False, "table": None, "problem": error.message}
    fixes = {
        "missing": f"jobsched db-tx init {database.name}",
        "no rights": f"as the table's owner: jobsched db-tx init {database.name} --grant ROLE",
    }
    return row | {"table": table, "problem": fixes.get(table)}
