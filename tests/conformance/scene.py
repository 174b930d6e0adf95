"""What a handler needs around it to run here: settings, objects, a web server, databases.

A file `scenes/<type>.py` may say how a handler is brought to do what every handler must be able to do.
All of these take the scene, change it if need be, and return a payload, or None if there is none:

    prepare(example, scene)   one that does the example's work without the internet (default: the example)
    slow(scene)               one that runs longer than 30 s unless it is stopped
    temporary(scene)          one whose attempts fail and are worth retrying
    hopeless(scene)           one that is dead after its first attempt
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from jobsched.core.config import BY_KEY, SETTINGS, load
from jobsched.core.handler import Handler
from jobsched.core.objects import open_objects
from tests.handlers.conftest import Web
from tests.handlers.context import RecordingContext

MARK = "s3cret"
PLANTED: dict[str, Any] = {
    setting.key: {"planted": f"postgresql://u:{MARK}@127.0.0.1:1/{setting.key}"}
    if setting.table
    else f"{MARK}-of-{setting.key}"
    for setting in SETTINGS
    if setting.secret
}
"""For every secret setting a value that can be recognised, wherever it turns up."""


class Scene:
    """The surroundings of one run.

    folder: the worker's home, where objects and the outbox are. make_database: as the fixture.
    store_url: of a migrated database of jobsched's own, if there is one already. planted: whether
    secret settings that the scene does not use have values to be recognised by.
    """

    def __init__(
        self, folder: Path, make_database: Callable[..., str], *, store_url: str | None = None, planted: bool = False
    ) -> None:
        self.folder = folder
        self.changes: dict[str, Any] = {}
        self.context = RecordingContext(folder, load(environ={}, cwd=folder).replace(home=str(folder)))
        self._make_database = make_database
        self._store_url = store_url
        if planted:
            self.context.settings = self.context.settings.replace(**{_name(key): PLANTED[key] for key in PLANTED})

    def settings(self, **changes: Any) -> None:
        """Change settings, of the context and of the worker that will run it; `.` in keys is written `__`.
        Entries are added to those that a table has."""
        for name, value in changes.items():
            known = self.context.settings[name.replace("__", ".")]
            self.changes[name] = {**known, **value} if isinstance(value, Mapping) else value
        self.context.settings = self.context.settings.replace(**self.changes)
        if any(name.startswith("objects__") for name in changes):
            self.context.objects = open_objects(self.context.settings, self.folder)

    @cached_property
    def web(self) -> Web:
        """A web server on a loopback address, which jobs may only reach if `fetch.allow` says so."""
        return Web()

    @cached_property
    def database_url(self) -> str:
        """A fresh, empty Postgres database."""
        return self._make_database(empty=True)

    @cached_property
    def store_url(self) -> str:
        """A database with jobsched's schema: the store of the worker that will run it. The context's
        settings name it from now on."""
        url = self._store_url or self._make_database()
        self.context.settings = self.context.settings.replace(database_url=url)
        return url

    def environ(self) -> dict[str, str]:
        """The changed settings as environment variables."""
        variables: dict[str, str] = {}
        for name, value in self.changes.items():
            setting = BY_KEY[name.replace("__", ".")]
            if setting.table:
                variables |= {f"{setting.env[0]}{entry.upper()}": text for entry, text in value.items()}
            else:
                variables[setting.env[0]] = ",".join(value) if isinstance(value, tuple) else str(value)
        return variables

    def secrets(self) -> set[str]:
        """What nobody may be told of these settings: their secret values, and passwords inside them."""
        found = {MARK}
        for key in PLANTED:
            value = self.context.settings[key]
            for text in value.values() if isinstance(value, Mapping) else [value or ""]:
                found |= {text, (urlsplit(text).password or "") if "://" in text else ""}
        return found - {""}

    def close(self) -> None:
        """Stop what was started."""
        if "web" in self.__dict__:
            self.web.close()


def has_part(handler: Handler, part: str) -> bool:
    """Whether the handler's scene file says how it is `slow`, `temporary`, `hopeless`."""
    return hasattr(_file_of(handler), part)


def payload_for(part: str, handler: Handler, scene: Scene) -> dict[str, Any] | None:
    """What the scene file says; "prepare" stands for its first example made to run here."""
    if part == "prepare":
        return prepared(handler, handler.examples[0], scene)
    said: dict[str, Any] | None = getattr(_file_of(handler), part)(scene)
    return said


def prepared(handler: Handler, example: Mapping[str, Any], scene: Scene) -> dict[str, Any]:
    """A payload that does the example's work here."""
    copy: dict[str, Any] = json.loads(json.dumps(example))
    file = _file_of(handler)
    return file.prepare(copy, scene) if hasattr(file, "prepare") else copy


def with_secrets(handler: Handler, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload with MARK in every field that is hidden from everybody."""
    model = handler.payload_model
    marked = dict(payload)
    for field in handler.secret_fields:
        assert model is not None
        for value in (_marked(payload.get(field)), MARK, {MARK: MARK}, [MARK]):
            if value is not None and _fits(model, {**marked, field: value}):
                marked[field] = value
                break
        else:
            raise AssertionError(f"nothing to be recognised by fits {handler.name}.{field}")
    return marked


def _marked(value: Any) -> Any:
    """Every text within `value` ends in MARK; None where there is no text."""
    if isinstance(value, str):
        return f"{value}{MARK}"
    if isinstance(value, dict):
        return {name: _marked(each) or each for name, each in value.items()} or None
    if isinstance(value, list):
        return [_marked(each) or each for each in value] or None
    return None


def _fits(model: Any, payload: dict[str, Any]) -> bool:
    try:
        model.model_validate_json(json.dumps(payload))
    except ValueError:
        return False
    return True


def _file_of(handler: Handler) -> ModuleType | None:
    name = f"{__package__}.scenes.{handler.name}"
    return importlib.import_module(name) if importlib.util.find_spec(name) else None


def _name(key: str) -> str:
    return key.replace(".", "__")
