"""Payload fields that nobody is shown: hidden before the first job that has one, at every door."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from psycopg import pq
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from jobsched import AsyncClient
from jobsched.core.config import Settings
from jobsched.core.handler import handler
from jobsched.core.model.errors import PayloadInvalid
from jobsched.core.model.hiding import secret_fields
from jobsched.core.model.job import NewJob
from jobsched.core.registry import Registry
from jobsched.core.service import Service
from jobsched.core.store import wake
from jobsched.tests.store.hands import Hands

SECRET = "hunter2-of-the-test"
WRITE_ONLY = {"writeOnly": True}
SCHEMA = {
    "type": "object",
    "properties": {"to": {"type": "string"}, "password": {"type": "string", **WRITE_ONLY}},
    "required": ["to"],
    "minProperties": 1,
    "maxProperties": 2,
}


class Login(BaseModel):
    """A payload with something to hide in it."""

    model_config = ConfigDict(extra="forbid")

    user: str
    password: str = Field("", json_schema_extra=WRITE_ONLY)
    tokens: dict[str, int] = Field(default_factory=dict, json_schema_extra=WRITE_ONLY)


@handler("login", aliases=("sign_in",))
def login(payload: Login) -> None:
    """Nothing."""


class Registered(Registry):
    """Knows the handler above, besides the built-in ones."""

    def __init__(self) -> None:
        super().__init__()
        self.add(login.jobsched_handler)  # type: ignore[attr-defined]


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """The use cases of a process that has the handler."""
    with Service(settings, registry=Registered()) as opened:
        yield opened


def hidden(connection: psycopg.Connection[Any]) -> set[tuple[str, str]]:
    """What the store hides: (type, field)."""
    return set(connection.execute("select type, field from jobsched.secret").fetchall())


def asked(**more: Any) -> NewJob:
    return NewJob("login", {"user": "me", "password": SECRET, **more})


class InnerModel(BaseModel):
    pin: SecretStr


class OuterModel(BaseModel):
    plain: int = Field(0, json_schema_extra={"writeOnly": False})
    marked: int = Field(0, json_schema_extra=WRITE_ONLY)
    maybe: SecretStr | None = None
    inner: InnerModel | None = None
    several: list[InnerModel] = []


def test_a_field_is_hidden_whole_when_anything_in_it_is_write_only() -> None:
    """Marked itself, of a secret type, or an object or list with such a thing inside."""
    assert secret_fields(OuterModel.model_json_schema()) == ("marked", "maybe", "inner", "several")
    recursive = {
        "properties": {"a": {"$ref": "#/$defs/A"}},
        "$defs": {"A": {"properties": {"a": {"$ref": "#/$defs/A"}}}},
    }
    assert secret_fields(recursive) == ()
    for nonsense in ({}, {"properties": 5}, {"properties": {"a": 7, "b": {"$ref": 1}}, "$defs": []}):
        assert secret_fields(nonsense) == ()


@pytest.mark.parametrize("way", ["one", "loop", "many", "load", "connection", "sqlalchemy"])
def test_whoever_submits_hides_first(
    service: Service, connection: psycopg.Connection[Any], database_url: str, way: str
) -> None:
    """In each way of submitting; the work itself gets what was asked for."""
    match way:
        case "one":
            service.submit(asked())
        case "loop":
            for _ in range(8):
                service.submit(asked())
        case "many":
            service.submit_many([NewJob("noop"), asked()])
        case "load":
            service.load([NewJob("noop"), asked()])
        case "connection":
            with psycopg.connect(database_url) as own:
                service.submit(asked(), connection=own)
        case "sqlalchemy":
            import sqlalchemy

            engine = sqlalchemy.create_engine(database_url.replace("postgresql:", "postgresql+psycopg:"))
            with engine.begin() as theirs:
                service.submit_many([asked()], connection=theirs)
            engine.dispose()
    job = service.list(type="login")[0]
    assert job.payload == {"user": "me", "password": "(hidden)"}
    assert hidden(connection) == {("login", "password"), ("login", "tokens")}
    stored = connection.execute("select payload from jobsched.job where id = %s", (job.id,)).fetchone()
    assert stored == ({"user": "me", "password": SECRET},)


def test_the_asynchronous_client_hides_too(database_url: str, settings: Settings) -> None:
    """On its own connections and on the caller's."""

    async def submit() -> list[dict[str, Any]]:
        async with AsyncClient(database_url, home=settings["home"]) as client:
            own = await client.submit("command", {"argv": ["true"], "env": {"A": SECRET}})
            async with await psycopg.AsyncConnection.connect(database_url) as connection:
                theirs = await client.submit(
                    "http_call", {"url": "http://a/", "headers": {"A": SECRET}}, connection=connection
                )
            return [(await client.get(each.id)).payload for each in (own, theirs)]

    assert asyncio.run(submit()) == [
        {"argv": ["true"], "env": "(hidden)"},
        {"url": "http://a/", "headers": "(hidden)"},
    ]


def test_what_a_rolled_back_transaction_hid_is_hidden_again(
    service: Service, connection: psycopg.Connection[Any], database_url: str
) -> None:
    """Nothing of it is remembered but what was committed; the same goes for a load that fails."""
    with psycopg.connect(database_url) as own:
        service.submit(asked(), connection=own)
        own.rollback()
    with pytest.raises(PayloadInvalid):
        service.load([asked(), asked(colour="red")])
    assert hidden(connection) == set()
    service.submit(asked())
    assert service.list()[0].payload["password"] == "(hidden)"


def test_an_alias_has_the_same_secrets(service: Service) -> None:
    """A job is stored under the name that it was submitted with."""
    job = service.get(service.submit(NewJob("sign_in", {"user": "me", "password": SECRET})).id)
    assert (job.type, job.payload["password"]) == ("sign_in", "(hidden)")


def test_a_worker_hides_what_its_types_keep_secret(service: Service, hands: Hands) -> None:
    """Also in jobs that somebody stored before who knew nothing of the type."""
    early = service.submit(NewJob("mail_x", {"to": "a", "password": SECRET}), unchecked=True)
    assert service.get(early.id).payload["password"] == SECRET
    Hands(hands.connection, "remote", types=("mail_x",), schemas={"mail_x": SCHEMA})
    assert service.get(early.id).payload == {"to": "a", "password": "(hidden)"}
    assert [job.payload for job in service.list(type="mail_x")] == [{"to": "a", "password": "(hidden)"}]


def test_fields_are_only_ever_added(service: Service, hands: Hands) -> None:
    """Two versions of a handler hide what either of them hides; a payload without the fields is untouched."""
    for name in ("password", "pin"):
        schema = {"type": "object", "properties": {name: {"type": "string", **WRITE_ONLY}}}
        Hands(hands.connection, name, types=("mail_x",), schemas={"mail_x": schema})
    both = service.submit(NewJob("mail_x", {"to": "a", "password": SECRET, "pin": SECRET}))
    none = service.submit(NewJob("mail_x", {"to": "a"}))
    assert service.get(both.id).payload == {"to": "a", "password": "(hidden)", "pin": "(hidden)"}
    assert service.get(none.id).payload == {"to": "a"}


def statements(service: Service, act: Callable[[], object]) -> int:
    """How many statements `act` sends over the connection of the use cases, as libpq has traced them."""
    with tempfile.TemporaryFile() as trace:
        with service.store.connection() as connection:
            connection.pgconn.trace(trace.fileno())
            connection.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        act()
        with service.store.connection() as connection:
            connection.pgconn.untrace()
        trace.seek(0)
        return len(re.findall(r"^F\s+\d+\s+(?:Query|Execute)\b", trace.read().decode(errors="replace"), re.MULTILINE))


def test_a_type_without_secrets_pays_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """`submit noop` is one statement and stays one, as does each further job of a type that has some."""
    monkeypatch.setattr(wake, "PAUSE", 3600.0)  # a wake-up that was held back is a statement of its own
    monkeypatch.setattr(wake, "PAUSE_WHEN_NOBODY_IDLES", 3600.0)
    for _ in range(8):
        service.submit(NewJob("noop"))
    plain = statements(service, lambda: service.submit(NewJob("noop")))
    first = statements(service, lambda: service.submit(asked()))
    second = statements(service, lambda: service.submit(asked()))
    many = statements(service, lambda: service.submit_many([asked(), asked()]))
    assert (plain, first, second, many) == (1, 2, 1, 1)


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        ({"user": "me", "password": [SECRET]}, ("password", "valid string")),
        ({"user": "me", "tokens": {SECRET: "x"}}, ("tokens", "valid integer")),
        ({"user": 5, "password": SECRET}, ("user", "valid string")),
    ],
)
def test_a_refusal_does_not_repeat_what_is_hidden(
    service: Service, payload: dict[str, Any], problem: tuple[str, str]
) -> None:
    """Neither a value nor a name inside of the field."""
    with pytest.raises(PayloadInvalid) as caught:
        service.submit(NewJob("login", payload))
    (where, expected), *_ = caught.value.problems
    assert (where, problem[1] in expected) == (problem[0], True)
    assert SECRET not in repr(vars(caught.value))


@pytest.mark.parametrize(
    "payload",
    [
        {"to": "a", "password": {"x": SECRET}},
        {"to": "a", "password": SECRET, "more": 1},
        {"password": SECRET},
        {"to": 5, "password": SECRET},
    ],
)
def test_nor_does_a_refusal_by_a_published_schema(service: Service, hands: Hands, payload: dict[str, Any]) -> None:
    """jsonschema's own messages show the value that does not fit, up to the whole payload."""
    Hands(hands.connection, "remote", types=("mail_x",), schemas={"mail_x": SCHEMA})
    with pytest.raises(PayloadInvalid) as caught:
        service.submit(NewJob("mail_x", payload))
    assert caught.value.problems
    assert SECRET not in repr(vars(caught.value))


def test_a_conflict_of_keys_does_not_repeat_what_is_hidden(service: Service) -> None:
    """It names the key and the job that has it."""
    service.submit(NewJob("login", {"user": "me"}, idempotency_key="k"))
    with pytest.raises(Exception, match="'k' is taken") as caught:
        service.submit(NewJob("login", {"user": "me", "password": SECRET}, idempotency_key="k"))
    assert SECRET not in repr(vars(caught.value))


def test_what_may_be_shown_of_a_job_that_is_not_stored(service: Service) -> None:
    """`submit --dry-run` shows what `show` would."""
    job = service.check(asked())
    assert job.payload["password"] == SECRET
    assert service.submission.shown(job) == {"user": "me", "password": "(hidden)"}
