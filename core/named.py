"""Payload fields that name something of the operator's: a database, a query.

What a name means stands in the settings of the workers. A submitter may ask for a name that its own settings
have, or those of a worker that lives: anything else is a typing error that no attempt could mend.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from .config import BY_KEY, ENTRY_NAME
from .handler import OPTIONS_KEY, Handler
from .model.errors import PayloadInvalid
from .payload_check import plain

BELIEVED_SECONDS = 5.0
"""How long the names that workers published are believed before they are read again."""
NOUNS = {"databases": "database", "queries": "query"}
MAX_SHOWN = 20
WorkerNames = Mapping[tuple[str, str], Collection[str]]
"""(type, field) → the names that live workers know."""


@dataclass(frozen=True, slots=True)
class Named:
    """A field that names an entry of a table of the settings. default: its value where a payload has none.
    known: the names known without asking the store."""

    field: str
    table: str
    default: str | None
    known: frozenset[str]


class Names:
    """Says whether names are known.

    settings: of this process. ask: reads what live workers know, for some types; asked only for names that
    this process does not know.
    """

    def __init__(self, settings: Mapping[str, Any], ask: Callable[[Collection[str]], WorkerNames]) -> None:
        self._settings = settings
        self._ask = ask
        self._heard: dict[str, tuple[float, dict[str, Collection[str]]]] = {}

    def of_handler(self, handler: Handler, schema: Mapping[str, Any]) -> tuple[Named, ...]:
        """The fields of a handler that this process has."""
        return tuple(
            Named(field, table, _default(schema, field), frozenset(self._settings[table]))
            for field, table in handler.names.items()
        )

    def of_schema(self, schema: Mapping[str, Any]) -> tuple[Named, ...]:
        """The fields of a type that a worker published; none where what it says makes no sense."""
        options = schema.get(OPTIONS_KEY)
        names = options.get("names") if isinstance(options, dict) else None
        if not isinstance(options, dict) or not isinstance(names, dict):
            return ()
        tables = options.get("tables")
        found = []
        for field, known in names.items():
            table = str(tables.get(field, "")) if isinstance(tables, dict) else ""
            here = self._settings[table] if table in BY_KEY and BY_KEY[table].table else ()
            published = [name for name in known if isinstance(name, str)] if isinstance(known, list) else []
            found.append(Named(field, table, _default(schema, field), frozenset([*here, *published])))
        return tuple(found)

    def learn(self, job_type: str) -> None:
        """Ask what live workers know, unless that was asked lately."""
        if time.monotonic() >= self._heard.get(job_type, (0.0, {}))[0]:
            answer = {field: names for (_, field), names in self._ask([job_type]).items()}
            self._heard[job_type] = (time.monotonic() + BELIEVED_SECONDS, answer)

    def check(self, job_type: str, named: Collection[Named], payload: Mapping[str, Any], *, ask: bool) -> None:
        """Raise PayloadInvalid for a name that nobody knows. ask: False takes what `learn` was told last."""
        for each in named:
            name = payload.get(each.field, each.default)
            if not isinstance(name, str) or name in each.known:
                continue
            if ask:
                self.learn(job_type)
            on_workers = self._heard.get(job_type, (0.0, {}))[1].get(each.field, ())
            if name not in on_workers:
                raise _unknown(job_type, each, name, sorted({*each.known, *on_workers}))


def _default(schema: Mapping[str, Any], field: str) -> str | None:
    properties = schema.get("properties")
    about = properties.get(field) if isinstance(properties, dict) else None
    default = about.get("default") if isinstance(about, dict) else None
    return default if isinstance(default, str) else None


def _unknown(job_type: str, named: Named, name: str, known: list[str]) -> PayloadInvalid:
    noun = NOUNS.get(named.table, named.field)
    shown = plain(", ".join(known[:MAX_SHOWN]), 400) + (", …" if len(known) > MAX_SHOWN else "")
    said = f"no {noun} is called {plain(name, 80)!r} — " + (f"known: {shown}" if known else "none is known")
    return PayloadInvalid(
        f"the payload does not fit {job_type} — {named.field}: {said}",
        problems=((named.field, said),),
        fix=f"set it on the workers{_where(named.table, name)}; or --unchecked",
    )


def _where(table: str, name: str) -> str:
    setting = BY_KEY.get(table)
    if setting is None or not setting.table:
        return ""
    entry = name if ENTRY_NAME.fullmatch(name) else "NAME"
    return f": {entry} = … under [{table}] in config.toml, or {setting.env[0]}{entry.upper()}=…"
