"""The store: start, stop, describe, upgrade and check it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ...core.model.errors import JobschedError, Refused
from .. import arguments, diagnostics, invocation, output
from ..output import Column

app = typer.Typer()
STATUS = (
    Column("url"),
    Column("origin"),
    Column("running", "flag"),
    Column("postgres"),
    Column("schema"),
    Column("home"),
    Column("data"),
    Column("log"),
    Column("port", "number"),
    Column("pid", "number"),
)
BREACHES = (Column("rule"), Column("jobs", "number"), Column("example", "id"))
ShowPassword = Annotated[bool, typer.Option("--show-password", help="Print the URL as other programs need it.")]


@app.command("up")
def up(show_password: ShowPassword = False) -> None:
    """Start the embedded store if it is not running, and print its URL."""
    from ...core.store.store import open_store

    with open_store(invocation.current().settings, say=diagnostics.note) as store:
        output.line(store.url if show_password else store.shown_url)
        if not store.embedded:
            diagnostics.note("this store is configured, so there was nothing to start")


@app.command("down")
def down() -> int:
    """Stop the embedded store. Its data stays."""
    from ...core.store import embedded
    from ...core.store.store import home_folder

    settings = invocation.current().settings
    if settings["database_url"] is not None:
        raise Refused(
            "the store is configured, not embedded — jobsched does not stop what it did not start",
            fix=f"leave out {settings.origin('database_url')} to stop an embedded one",
        )
    home = home_folder(settings)
    _warn_about_workers()
    stopped = embedded.stop(home)
    diagnostics.note(f"stopped the embedded store in {home}" if stopped else f"no embedded store runs in {home}")
    return 0


@app.command("status")
def status() -> int:
    """Where the store is and what runs there. Exit 1 if it is an embedded one that is down."""
    row = _configured_row() if invocation.current().settings["database_url"] is not None else _embedded_row()
    if not invocation.current().for_people:
        output.emit("store", STATUS, [row])
    else:
        for column in STATUS:
            value = row[column.name]
            if value is not None:
                output.line(f"{column.name:<9} {output.plain(value, column, 'local')}")
    return 0 if row["running"] else 1


@app.command("upgrade")
def upgrade() -> None:
    """Raise the store's schema to this program's; print its version."""
    from ...core.store import schema
    from ...core.store.store import open_store

    settings = invocation.current().settings
    with open_store(settings, check_schema=False, say=diagnostics.note) as store:
        with store.connection() as connection:
            before = schema.current(connection)
        after = schema.upgrade(store.url)
        output.line(after)
        diagnostics.note(
            f"the schema of {store.shown_url} was {after} already"
            if before == after
            else f"upgraded the schema of {store.shown_url} from {before or 'none'} to {after}"
        )


@app.command("check")
def check() -> int:
    """Check server, schema, and every invariant of `jobsched verify`.

    Exit 1 if a rule is broken.
    """
    from ...core.store import schema
    from ...core.store.store import open_store
    from ...core.store.verify import verify_store

    settings = invocation.current().settings
    with open_store(settings, check_schema=False, say=diagnostics.note) as store:
        with store.connection() as connection:
            schema.check(connection)
        checked = list(verify_store(store, settings, limit=1))
        broken = [each for each in checked if each.violations]
        rows = [{"rule": each.sentence, "jobs": each.violations, "example": each.found[0].job_id} for each in broken]
        output.emit("breach", BREACHES, rows)
        diagnostics.note(
            f"{store.shown_url}: schema {schema.HEAD}, {len(checked) - len(broken)} of {len(checked)} rules hold"
        )
        if broken:
            diagnostics.note("more about it: jobsched verify")
    return 1 if broken else 0


@app.command("grant")
def grant(
    role: Annotated[str, typer.Argument(metavar="ROLE", show_default=False)],
    access: Annotated[str, typer.Option("--as", metavar="viewer|submitter|none", help="What the role may do.")],
) -> None:
    """Let a database role look, or look and submit.

    Postgres enforces it. It replaces what the role was granted before; none takes everything away. Only the
    store's owner can do this.
    """
    from ...core.store import roles

    wanted = arguments.read("--as", access, roles.read_access) or "none"
    with invocation.open_service() as service, service.store.connection() as connection:
        roles.grant(connection, role, wanted)
        may = {"viewer": "may look", "submitter": "may look and submit", "none": "may do nothing"}[wanted]
        diagnostics.note(f"{role} {may} in {service.store.shown_url}")


def _embedded_row() -> dict[str, Any]:
    from ...core.store import embedded, schema
    from ...core.store.connect import connect, shown_url
    from ...core.store.store import home_folder

    found = embedded.status(home_folder(invocation.current().settings))
    version: str | None = None
    if found.url:
        with connect(found.url, libpq=embedded.libpq_options()) as connection:
            version = schema.current(connection)
    origin = "embedded" if found.ours or not found.running else "embedded, not started by jobsched"
    return {
        "url": shown_url(found.url) if found.url else None,
        "origin": origin,
        "running": found.running,
        "postgres": str(found.version) if found.version else None,
        "schema": version,
        "home": str(found.home),
        "data": str(found.data) if found.created else None,
        "log": str(found.log) if found.created else None,
        "port": found.port,
        "pid": found.pid,
    }


def _configured_row() -> dict[str, Any]:
    from ...core.store import schema
    from ...core.store.store import open_store

    settings = invocation.current().settings
    with open_store(settings, check_schema=False) as store, store.connection() as connection:
        number = connection.info.server_version
        return {
            "url": store.shown_url,
            "origin": f"configured by {settings.origin('database_url')}",
            "running": True,
            "postgres": f"{number // 10000}.{number % 10000}",
            "schema": schema.current(connection),
            "home": str(store.home),
            "data": None,
            "log": None,
            "port": connection.info.port,
            "pid": None,
        }


def _warn_about_workers() -> None:
    """Say who is about to lose the store. A store that cannot be asked has nobody to be warned about."""
    from ...core.store.store import open_store
    from ...core.store.workers import count_live_workers

    try:
        with open_store(invocation.current().settings, start=False) as store, store.connection() as connection:
            workers = count_live_workers(connection)
    except JobschedError as error:
        diagnostics.debug(f"workers could not be counted: {error.message}")
        return
    if workers:
        diagnostics.warn(
            f"{workers} {'worker is' if workers == 1 else 'workers are'} using this store and will stop "
            f"{'its' if workers == 1 else 'their'} jobs if it stays down",
            fix="jobsched db up",
        )
