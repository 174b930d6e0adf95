"""Schedules: add, list and change them; fire them when they are due."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from ...core.model.durations import parse_duration
from ...core.model.errors import UsageError
from ...core.model.job import NAME_PATTERN, NewJob, check_name
from ...core.model.schedule import NewSchedule, TickState
from ...core.model.times import parse_since, parse_time
from .. import arguments, diagnostics, invocation, job_options, last, output, serving, staying
from ..group import dry_runnable
from ..schedules import asked, each, paging, reporting
from ..schedules.rows import (
    SCHEDULES,
    TICK_JOBS,
    TICKS,
    TROUBLES,
    schedule_row,
    tick_row,
    trouble_row,
)
from ..staying import Stay
from ..who import user

app = typer.Typer()
TAKES_COMMAND_LINE = frozenset({"add", "edit"})
EXAMPLES = """Examples:
  jobsched cron add nightly '0 3 * * *' --tz Europe/Athens -- backup.sh --full
  jobsched cron run                        the clock; or worker --cron
  jobsched cron next '30 2 * * *' --tz America/New_York
  jobsched cron history nightly

Expressions, clocks that change, files: jobsched help schedules"""
ADD_EXAMPLES = """Examples:
  jobsched cron add mail '*/10 * * * *' email to=me@example.com message=Hello
  jobsched cron add nightly '0 3 * * *' --tz Europe/Athens -- backup.sh --full
  jobsched cron add poll '@every 90s' http_call url=https://example.com/health
  jobsched cron add launch --at '2030-12-01 09:00' --tz Europe/Athens noop
  jobsched cron add report @daily noop --overlap skip --catchup last --jitter 5m

Expressions and clocks that change: jobsched help schedules
A type's payload: jobsched submit TYPE --help"""
EDIT_EXAMPLES = """Examples:
  jobsched cron edit nightly '0 4 * * *'             another time
  jobsched cron edit mail to=you@example.com         one field of the payload
  jobsched cron edit mail --queue mails --timeout 1m
  jobsched cron edit mail --unset timeout,payload.subject
  jobsched cron edit nightly -- backup.sh --quick    another program"""
Text = str | None
Name = Annotated[str, typer.Argument(metavar="NAME", help="As in `jobsched cron ls`.", show_default=False)]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="'EXPR' TYPE FIELD…",
        help="'0 3 * * *', '@every 90s', @daily …; what to run; payload: key=text key:=JSON key@FILE.",
        show_default=False,
    ),
]


@app.command("run")
def run(
    name: serving.Name = None,
    metrics_port: serving.MetricsPort = None,
    metrics_host: serving.MetricsHost = "127.0.0.1",
    log_format: serving.LogFormat = None,
    log_level: serving.LogLevel = None,
) -> int:
    """Fire schedules when they are due, until told to stop.

    Any number of these may run, on any hosts: a tick makes one job. SIGTERM and Ctrl-C end it.
    """
    if name is not None:
        check_name("scheduler", name)
    settings = serving.settings_with({}, log_format=log_format, log_level=log_level)

    from ...core.engine.cron import run_cron

    return run_cron(settings, name=name, metrics_port=metrics_port, metrics_host=metrics_host)


@app.command("add", epilog=ADD_EXAMPLES)
@dry_runnable
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.", show_default=False)],
    words: Words = None,
    at: asked.At = None,
    zone: asked.Zone = None,
    jitter: asked.Jitter = None,
    start: asked.Start = None,
    end: asked.End = None,
    catchup: asked.CatchUp = None,
    overlap: asked.OverLap = None,
    args: job_options.Args = None,
    queue: job_options.Queue = None,
    priority: job_options.Priority = None,
    max_attempts: asked.MaxAttempts = None,
    backoff: job_options.Backoff = None,
    timeout: job_options.Timeout = None,
    unique: job_options.Unique = None,
    concurrency_key: job_options.ConcurrencyKey = None,
    tag: job_options.Tags = None,
    unchecked: job_options.Unchecked = False,
    env: job_options.Env = None,
    cwd: job_options.Cwd = None,
) -> None:
    """Add a schedule, which makes a job at each tick of EXPR.

    `cron add NAME 'EXPR' TYPE key=value …`, or a program: `cron add NAME 'EXPR' [FLAGS] -- CMD ARG …`.
    """
    options = job_options.read_options(
        queue=queue, priority=priority, max_attempts=max_attempts, backoff=backoff, timeout=timeout, unique=unique,
        concurrency_key=concurrency_key, tag=tag,
    )  # fmt: skip
    given = asked.Asked(
        words or (), invocation.current().command_line, at=at, zone=zone, jitter=jitter, start=start, end=end,
        catchup=catchup, overlap=overlap, args=args, env=env, cwd=cwd, options=options,
    )  # fmt: skip
    spec = given.new(name)
    if output.fields_asked(SCHEDULES):
        return
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            reporting.preview(service, spec, unchecked=unchecked)
        else:
            reporting.report(service.cron.add(spec, by=user(), unchecked=unchecked), "added")
            reporting.warn_if_nobody_fires(service)


@app.command("edit", epilog=EDIT_EXAMPLES)
@dry_runnable
def edit(
    name: Name,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="['EXPR'] [FIELD…]", help="As in `cron add`; fields that are not named stay."),
    ] = None,
    rename: Annotated[Text, typer.Option("--rename", metavar="NEW", help="Another name.")] = None,
    job_type: Annotated[Text, typer.Option("--type", metavar="TYPE", help="What to run.")] = None,
    unset: Annotated[
        list[str] | None,
        typer.Option("--unset", metavar="A,B", help="Default again: timeout, end …; payload.KEY: away."),
    ] = None,
    at: asked.At = None,
    zone: asked.Zone = None,
    jitter: asked.Jitter = None,
    start: asked.Start = None,
    end: asked.End = None,
    catchup: asked.CatchUp = None,
    overlap: asked.OverLap = None,
    args: job_options.Args = None,
    queue: job_options.Queue = None,
    priority: job_options.Priority = None,
    max_attempts: asked.MaxAttempts = None,
    backoff: job_options.Backoff = None,
    timeout: job_options.Timeout = None,
    unique: job_options.Unique = None,
    concurrency_key: job_options.ConcurrencyKey = None,
    tag: job_options.Tags = None,
    unchecked: job_options.Unchecked = False,
    env: job_options.Env = None,
    cwd: job_options.Cwd = None,
) -> None:
    """Change what is given of a schedule, and nothing else.

    Schedulers that run know it within a second. Ticks that have passed are not made up.
    """
    options = job_options.read_options(
        queue=queue, priority=priority, max_attempts=max_attempts, backoff=backoff, timeout=timeout, unique=unique,
        concurrency_key=concurrency_key, tag=tag,
    )  # fmt: skip
    given = asked.Asked(
        words or (), invocation.current().command_line, at=at, zone=zone, jitter=jitter, start=start, end=end,
        catchup=catchup, overlap=overlap, args=args, env=env, cwd=cwd, options=options,
    )  # fmt: skip
    if output.fields_asked(SCHEDULES):
        return
    with invocation.open_service() as service:
        old = service.cron.get(each.possible(name)).spec
        spec = given.changed(old, rename=rename, job_type=job_type, unset=unset or ())
        if invocation.current().dry_run:
            reporting.preview(service, spec, unchecked=unchecked)
        else:
            reporting.report(service.cron.edit(name, spec, by=user(), unchecked=unchecked), "changed")


@app.command("ls")
def ls() -> None:
    """Schedules by name, with their next tick and their newest job."""
    with invocation.open_service() as service:
        schedules = service.cron.list()
        output.emit("schedule", SCHEDULES, map(schedule_row, schedules))
    if invocation.current().for_people and not schedules:
        diagnostics.note("there is no schedule: jobsched cron add --help")


@app.command("show")
def show(name: Name) -> None:
    """A schedule in full, with its next and its newest ticks.

    In a pipe: one line; -o json has every field.
    """
    from ..schedules.describing import describe

    run = invocation.current()
    if output.fields_asked(SCHEDULES):
        return
    with invocation.open_service() as service:
        schedule = service.cron.get(each.possible(name))
        if run.for_people and run.fields is None:
            describe(schedule, service.cron.history(name, limit=5), datetime.now(UTC))
        else:
            output.emit("schedule", SCHEDULES, [schedule_row(schedule)])


@app.command("rm")
@dry_runnable
def rm(names: each.Names = None) -> int:
    """Remove schedules, and what is known of their ticks. Jobs that they made stay."""
    found = each.read_names(names)
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            return each.preview(found, "remove")
        diagnostics.confirm(f"This removes {len(found)} schedules.", count=len(found))
        return each.change_each(found, lambda name: service.cron.remove(name, by=user()), done=each.REMOVED)


@app.command("pause")
@dry_runnable
def pause(
    names: each.Names = None,
    reason: Annotated[Text, typer.Option("--reason", help="Shown to whoever wonders.")] = None,
) -> int:
    """Let schedules make no jobs until `cron resume`.

    The ticks meanwhile are not made up. Jobs that are there go on.
    """
    found = each.read_names(names)
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            return each.preview(found, "pause")
        diagnostics.confirm(f"This pauses {len(found)} schedules.", count=len(found))
        return each.change_each(found, lambda name: service.cron.pause(name, by=user(), reason=reason), done="paused")


@app.command("resume")
@dry_runnable
def resume(names: each.Names = None) -> int:
    """Let schedules make jobs again, from now on."""
    found = each.read_names(names)
    with invocation.open_service() as service:
        if invocation.current().dry_run:
            return each.preview(found, "resume")
        diagnostics.confirm(f"This resumes {len(found)} schedules.", count=len(found))
        return each.change_each(found, lambda name: service.cron.resume(name, by=user()), done="resumed")


@app.command("trigger")
def trigger(
    name: Name,
    wait: staying.Wait = False,
    wait_timeout: staying.WaitTimeout = None,
    follow: staying.Follow = False,
    propagate: staying.Propagate = False,
) -> int:
    """Make a schedule's job now, besides those of its ticks.

    In a pipe, stdout is the bare id.
    """
    stay = Stay(wait, follow, propagate, arguments.read("--wait-timeout", wait_timeout, parse_duration))
    if output.fields_asked(stay.columns):
        return 0
    with invocation.open_service() as service:
        job_type = service.cron.get(each.possible(name)).spec.job.type
        submitted = service.cron.trigger(name, by=user())
        last.remember(service.store.shown_url, submitted.id)
        if stay.wanted:
            return staying.stay(service, submitted.id, stay)
        staying.acknowledge(service, submitted, job_type)
        return 0


@app.command("next")
def next_(
    word: Annotated[
        str, typer.Argument(metavar="NAME|'EXPR'", help="A schedule, or an expression.", show_default=False)
    ],
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=10_000, help="So many.")] = 10,
    zone: Annotated[
        Text, typer.Option("--tz", metavar="ZONE", help="EXPR's zone; of a NAME, whose clocks to show.")
    ] = None,
    since: Annotated[Text, typer.Option("--from", metavar="TIME", help="Look from then on; default: now.")] = None,
) -> None:
    """Ticks to come: local time, UTC, and clocks that change.

    Of a schedule, or of an expression that is not stored.
    """
    from ...core.calendar import check_zone
    from ...core.timetable import Timetable
    from ..schedules.upcoming import NEXT, next_rows, warn_if_over

    if output.fields_asked(NEXT):
        return
    if zone is not None:
        check_zone(zone)
    after = arguments.read("--from", since, parse_time) or datetime.now(UTC)
    schedule = None
    if NAME_PATTERN.fullmatch(word):
        with invocation.open_service() as service:
            schedule = service.cron.get(word)
        spec, timetable = schedule.spec, Timetable.of(schedule)
    else:
        spec = NewSchedule("expression", word, NewJob("noop"), zone or "UTC")
        timetable = Timetable(spec, after)
    rows = next_rows(timetable, after, number, zone=zone or spec.timezone, schedule=schedule)
    output.emit("tick.next", NEXT, rows)
    if schedule is not None and schedule.paused_at is not None:
        diagnostics.warn(f"schedule {word} is paused: these will not fire", fix=f"jobsched cron resume {word}")
    warn_if_over(spec, timetable, after, what=word if schedule is None else f"schedule {word}")


@app.command("history")
def history(
    name: Annotated[
        Text, typer.Argument(metavar="[NAME]", help="Of all schedules without it.", show_default=False)
    ] = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", metavar="fired|skipped|missed", help="Repeatable.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-l", min=1, max=10_000, help="At most so many.")] = 50,
    before: Annotated[Text, typer.Option("--before", metavar="TIME[/NAME]", help="Only ticks before.")] = None,
) -> None:
    """Ticks that have passed, and what became of them.

    Newest first: the job and its state, how late, or why there is none.
    """
    states = _tick_states(state or ())
    moment = paging.read_before(before)
    ids_only = invocation.current().format == "id"
    columns = TICK_JOBS if ids_only else TICKS
    with invocation.open_service() as service:
        ticks = service.cron.history(
            each.possible(name) if name is not None else None, limit=limit, before=moment, states=states
        )
    following = paging.following(ticks[-1], alone=name is not None) if len(ticks) == limit else None
    rows = (tick_row(each) for each in ticks if each.job_id is not None or not ids_only)
    output.emit("tick", columns, rows, next=following)
    if invocation.current().for_people:
        if not ticks:
            diagnostics.note("no tick is known")
        elif following is not None:
            diagnostics.note(f"more: --before {following}")


@app.command("check")
def check() -> int:
    """Look for ticks that were missed, came late, or never will.

    Exit 1 if something is wrong with a schedule.
    """
    with invocation.open_service() as service:
        troubles = service.cron.check()
        count = len(service.cron.list())
    output.emit("schedule.trouble", TROUBLES, map(trouble_row, troubles))
    wrong = {each.schedule for each in troubles}
    if invocation.current().fields != "":
        diagnostics.note(f"{count - len(wrong)} of {count} schedules are as they should be")
    return 1 if troubles else 0


@app.command("backfill")
@dry_runnable
def backfill(
    name: Name,
    begin: Annotated[Text, typer.Option("--from", metavar="TIME", help="From this tick on: 2d ago, or a time.")] = None,
    end: Annotated[Text, typer.Option("--to", metavar="TIME", help="Up to, without it: default now.")] = None,
) -> None:
    """Make the jobs of ticks that have passed and have none.

    They were missed or skipped, or the schedule was not there. A tick that has its job gets no second one.
    """
    first = arguments.read("--from", begin, parse_since)
    if first is None:
        raise UsageError("cron backfill needs --from", fix=f"jobsched cron backfill {name} --from '2d ago'")
    until = arguments.read("--to", end, parse_since) or datetime.now(UTC)
    if until <= first:
        raise UsageError("--to comes before --from", fix=f"jobsched cron backfill {name} --from '2d ago' --to '1d ago'")
    if output.fields_asked(TICKS):
        return
    with invocation.open_service() as service:
        ticks = service.cron.backfill(each.possible(name), first, until, by=user(), dry_run=True)
        if invocation.current().dry_run:
            output.emit("tick", TICKS, map(tick_row, ticks))
            diagnostics.note(f"would make {len(ticks)} jobs; nothing was changed")
            return
        diagnostics.confirm(f"This makes {len(ticks)} jobs.", count=len(ticks))
        try:
            made = service.cron.backfill(name, first, until, by=user())
        except KeyboardInterrupt:
            diagnostics.note("some of the jobs are made and stay; the same command again makes the others")
            raise
        columns = TICK_JOBS if invocation.current().format == "id" else TICKS
        output.emit("tick", columns, map(tick_row, made))
        diagnostics.note(f"{len(made)} jobs made")


@app.command("apply")
@dry_runnable
def apply(
    file: Annotated[Text, typer.Option("--file", "-f", metavar="FILE", help="TOML; - is stdin.")] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Remove schedules that are not in it.")] = False,
    unchecked: job_options.Unchecked = False,
) -> None:
    """Make schedules be as a TOML file has them.

    All of it or nothing; what was added, changed or removed is told. `jobsched help schedules` has an example.
    """
    from ..schedules.applying import Wanted, apply_schedules
    from ..schedules.refusing import refuse
    from ..schedules.toml import place_of, read_schedules

    if file is None:
        raise UsageError(
            "cron apply needs --file", fix="jobsched cron export > schedules.toml shows what one looks like"
        )
    source = "stdin" if file == "-" else file
    specs, bad = read_schedules(arguments.read_text(file, "--file"), source)
    refuse(bad, source)
    wanted = Wanted(source, specs, {spec.name: place_of(spec.name) for spec in specs})
    with invocation.open_service() as service:
        apply_schedules(service, wanted, prune=prune, unchecked=unchecked)


@app.command("export")
def export(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME…]", help="All without one.")] = None,
) -> None:
    """Write schedules as TOML for `cron apply`.

    Hidden payload fields are "(hidden)"; applied, that leaves what is stored.
    """
    from ..schedules.toml import write_schedules

    run = invocation.current()
    with invocation.open_service() as service:
        schedules = [service.cron.get(each.possible(name)) for name in names] if names else service.cron.list()
    if run.output != "auto" or run.quiet or run.fields is not None:
        output.emit("schedule", SCHEDULES, map(schedule_row, schedules))
    else:
        output.raw(write_schedules([schedule.spec for schedule in schedules]))


@app.command("import")
@dry_runnable
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A crontab; - is stdin.", show_default=False)],
    system: Annotated[
        bool | None, typer.Option("--system/--no-system", help="Lines have a user field; default: by the file's place.")
    ] = None,
    only: Annotated[
        Text, typer.Option("--user", metavar="USER", help="Of the user field: only this one's lines.")
    ] = None,
    any_user: Annotated[
        bool, typer.Option("--any-user", help="Whoever it names: jobs run as their worker's user.")
    ] = False,
    zone: Annotated[
        Text, typer.Option("--tz", metavar="ZONE", help="Where CRON_TZ says none; default: this machine's.")
    ] = None,
    queue: job_options.Queue = None,
    partial: Annotated[bool, typer.Option("--partial", help="Leave out what cannot be taken: exit 5.")] = False,
) -> int:
    """Make schedules of `command` jobs from a crontab.

    The same file again changes them, and makes no others. --dry-run prints TOML.
    """
    from ..schedules.crontab import Taking, local_zone
    from ..schedules.importing import import_crontab

    return import_crontab(file, Taking(system, zone or local_zone(), only, any_user, queue), partial=partial)


def _tick_states(words: Sequence[str]) -> tuple[TickState, ...]:
    """Read states of ticks, comma-separated or one by one."""
    parts = [part.strip() for text in words for part in text.split(",") if part.strip()]
    for part in parts:
        arguments.choice("--state", part, tuple(TickState))
    return tuple(TickState(part) for part in parts)
