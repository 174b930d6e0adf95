"""Payload fields that name a database or a query: names that nobody knows are refused at the door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from jobsched.core.config import Settings
from jobsched.core.handler import handler
from jobsched.core.model.errors import PayloadInvalid
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.tests.store.hands import Hands


class Report(BaseModel):
    connection: str = "default"
    query: str | None = None


@handler("report_x", names={"connection": "databases", "query": "queries"})
def report(payload: Report) -> None:
    """Nothing."""


DECLARED = report.jobsched_handler  # type: ignore[attr-defined]
URL = "postgresql://somebody:sesame@nowhere/x"


class Registered(Registry):
    """Knows the handler above, besides the built-in ones."""

    def __init__(self) -> None:
        super().__init__()
        self.add(DECLARED)


def service_with(settings: Settings, *, has_handler: bool = True, **tables: Any) -> Service:
    """The use cases of a process with these tables in its settings."""
    return Service(settings.replace(**tables), registry=Registered() if has_handler else Registry())


@pytest.fixture(params=["with the handler", "without it"])
def service(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Service]:
    """A submitter that knows no database; what it knows of the type is its own or what workers published."""
    with service_with(settings, has_handler=request.param == "with the handler") as opened:
        yield opened


def start(hands: Hands, name: str, settings: Settings, **tables: Any) -> Hands:
    """A worker with these tables in its settings."""
    published = DECLARED.published(settings.replace(**tables))
    return Hands(hands.connection, name, types=("report_x",), schemas={"report_x": published})


def refusal(service: Service, payload: dict[str, Any]) -> PayloadInvalid:
    with pytest.raises(PayloadInvalid) as caught:
        service.submit(NewJob("report_x", payload))
    return caught.value


def test_a_name_that_nobody_knows_is_refused(service: Service, hands: Hands, settings: Settings) -> None:
    """With the field, the names that there are, and where to write a new one."""
    start(hands, "w", settings, databases={"reports": URL, "app": URL})
    error = refusal(service, {"connection": "ap"})
    assert error.problems == (("connection", "no database is called 'ap' — known: app, reports"),)
    assert error.exit_code == 2
    assert "ap = … under [databases] in config.toml, or JOBSCHED_DB_AP=…" in (error.fix or "")
    assert "--unchecked" in (error.fix or "")
    assert URL not in repr(vars(error))
    assert service.list() == []
    assert service.submit(NewJob("report_x", {"connection": "ap"}), unchecked=True).created


def test_what_any_worker_knows_may_be_named(service: Service, hands: Hands, settings: Settings) -> None:
    """All live workers together, not the newest one alone; one that has ended knows nothing."""
    start(hands, "old", settings, databases={"app": URL}, queries={"users": "select 1"})
    start(hands, "new", settings, databases={"other": URL})
    gone = start(hands, "gone", settings, databases={"gone": URL})
    hands.connection.execute(
        "update jobsched.worker set ended_at = now(), end_reason = 'stopped' where id = %s", (gone.id,)
    )
    assert service.submit(NewJob("report_x", {"connection": "app", "query": "users"})).created
    assert service.submit(NewJob("report_x", {"connection": "other"})).created
    assert service.load([NewJob("report_x", {"connection": name}) for name in ("app", "other")]) == 2
    assert "known: app, other" in refusal(service, {"connection": "gone"}).message
    assert "no query is called 'x' — known: users" in refusal(service, {"connection": "app", "query": "x"}).message


def test_a_field_that_is_left_out_names_its_default(service: Service, hands: Hands, settings: Settings) -> None:
    """`default`, which is a name like any other; null names nothing."""
    start(hands, "w", settings)
    assert "no database is called 'default' — none is known" in refusal(service, {}).message
    start(hands, "other", settings, databases={"default": URL})
    with service_with(settings) as fresh:
        assert fresh.submit(NewJob("report_x", {"query": None})).created


def test_a_name_of_one_s_own_settings_needs_no_worker(settings: Settings) -> None:
    """Nor is the store asked who else knows it."""
    with service_with(settings, databases={"app": URL}) as service:
        assert service.submit(NewJob("report_x", {"connection": "app"})).created
        assert service.submission._names is not None
        assert service.submission._names._heard == {}
        assert "no database is called 'default' — known: app" in refusal(service, {}).message


def test_a_hostile_name_is_shown_harmlessly(service: Service, hands: Hands, settings: Settings) -> None:
    """Cut, on one line, and never as something to paste."""
    start(hands, "w", settings)
    error = refusal(service, {"connection": "\x1b[31m\n$(id)" + "x" * 500})
    assert error.message.isprintable()
    assert len(error.message) < 300
    assert "$(id)" not in (error.fix or "")


@pytest.mark.parametrize("names", [5, {"connection": 7}, {"connection": {"a": 1}}, {"connection": [5, None]}, []])
def test_what_a_worker_publishes_wrongly_breaks_nothing(settings: Settings, hands: Hands, names: Any) -> None:
    """It knows no names then; a field that it says nothing of is not looked at."""
    published = {"type": "object", "x-jobsched": {"names": names, "tables": "x"}}
    Hands(hands.connection, "odd", types=("report_x",), schemas={"report_x": published})
    with service_with(settings, has_handler=False) as service:
        assert service.submit(NewJob("report_x", {})).created
