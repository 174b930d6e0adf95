"""What roles besides the owner may do with schedules: look, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, urlsplit

import psycopg
import pytest
from psycopg import sql

from jobsched.core.config import Settings
from jobsched.core.model.errors import PermissionDenied
from jobsched.core.model.job import NewJob
from jobsched.core.model.schedule import NewSchedule
from jobsched.core.service import Service
from jobsched.core.store import roles, schema
from jobsched.core.store.decide import decide
from jobsched.core.store.roles import Access

from .ticking import EPOCH, Ticking, at

NAME = f"looks at schedules {os.getpid()}"
SECRET = NewSchedule("s", "@every 1m", NewJob("command", {"argv": ["true"], "stdin": "sesame"}))


@pytest.fixture
def owner(settings: Settings) -> Iterator[Service]:
    """The use cases, for the store's owner."""
    with Service(settings) as service:
        yield service


@pytest.fixture
def somebody(owner: Service, settings: Settings, database_url: str) -> Iterator[Service]:
    """The use cases, for a role that may do nothing yet."""
    role = sql.Identifier(NAME)
    parts = urlsplit(database_url)
    url = f"postgresql://{quote(NAME)}:sesame@{parts.hostname}:{parts.port}{parts.path}"
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'sesame'").format(role))
        with Service(settings.replace(database_url=url)) as service:
            yield service
        connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(role))


def grant(owner: Service, access: Access) -> None:
    with owner.store.connection() as connection:
        roles.grant(connection, NAME, access)


@pytest.mark.parametrize("access", ["viewer", "submitter"])
def test_schedules_may_be_looked_at_and_not_changed(owner: Service, somebody: Service, access: Access) -> None:
    """Not even those who may submit: a schedule goes on submitting, in the name of whoever made it."""
    with psycopg.connect(owner.store.url, autocommit=True) as connection:
        ticking = Ticking(connection, owner)
        spec = ticking.add().spec
        ticking.decide(170)
        owner.cron.add(replace(SECRET, name="secret"), by="ann")
        grant(owner, access)
        cron = somebody.cron

        assert [each.spec.name for each in cron.list()] == ["s", "secret"]
        assert cron.get("secret").spec.job.payload == {"argv": ["true"], "stdin": "(hidden)"}
        assert len(cron.history("s")) == 2
        assert cron.check()
        assert [each.violations for each in somebody.verify() if each.violations] == []
        assert somebody.list()[0].schedule == "s"
        for act in (
            lambda: cron.add(replace(spec, name="mine"), by="me"),
            lambda: cron.edit("s", spec, by="me"),
            lambda: cron.remove("s", by="me"),
            lambda: cron.pause("s", by="me"),
            lambda: cron.resume("s", by="me"),
            lambda: cron.trigger("s", by="me"),
            lambda: cron.backfill("s", EPOCH, at(600), by="me"),
            lambda: cron.apply([spec], prune=True, by="me"),
        ):
            with pytest.raises(PermissionDenied):
                act()
        with somebody.store.connection() as own, pytest.raises(psycopg.errors.InsufficientPrivilege):
            decide(own, [ticking.ask("s", 300)], by="me")
        assert len(owner.cron.list()) == 2


def test_who_submits_cannot_say_that_a_schedule_made_his_job(owner: Service, somebody: Service) -> None:
    """By a statement of his own either; his jobs are his."""
    owner.cron.add(SECRET, by="ann")
    grant(owner, "submitter")
    assert somebody.submit(NewJob("noop")).created
    assert somebody.load([NewJob("noop")]) == 1
    with somebody.store.connection() as own, pytest.raises(psycopg.errors.InsufficientPrivilege):
        own.execute(
            "insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, "
            "backoff_cap, submitter, schedule, scheduled_for) "
            "values ('default', 'noop', '{}', 2, 3, 'fixed', 1, 1, 'me', 's', now())"
        )


def test_a_viewer_of_the_release_before_is_not_shown_payloads_by_an_upgrade(
    make_database: Callable[..., str], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New tables are his to look at by themselves; of this one the column with secrets is not."""
    before = tmp_path / "migrations"
    shutil.copytree(schema._MIGRATIONS, before)
    for path in (before / "versions").glob("000[2-9]_*"):
        path.unlink()
    url = make_database(empty=True)
    with monkeypatch.context() as patch:
        patch.setattr(schema, "_MIGRATIONS", before)
        patch.setattr(schema, "HEAD", "0001")
        patch.setattr(schema, "_VERSIONS", ("0001",))
        schema.upgrade(url)
    viewer = sql.Identifier(f"{NAME} before")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("create role {}").format(viewer))
        try:
            connection.execute(
                sql.SQL(
                    "grant usage on schema jobsched to {0}; grant select on all tables in schema jobsched to {0}; "
                    "alter default privileges in schema jobsched grant select on tables to {0}"
                ).format(viewer)
            )
            schema.upgrade(url)
            connection.execute(sql.SQL("set role {}").format(viewer))
            for seen in ("select name, expression from jobsched.schedule", "table jobsched.schedule_now",
                         "table jobsched.tick", "select schedule, scheduled_for from jobsched.job"):  # fmt: skip
                assert connection.execute(seen.encode()).fetchall() == []
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select payload from jobsched.schedule")
        finally:
            connection.execute("reset role")
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(viewer))
