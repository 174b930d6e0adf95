"""Finds handlers: the ones that come with jobsched, installed packages' entry points, `--import`ed modules.

A name that is a file in `jobsched/handlers` costs the import of that file alone; only a name that
is not (an alias, a handler of somebody else's) makes the registry read all of them.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType

from .config import BY_KEY
from .handler import Handler
from .model.errors import ConfigError, HandlerImportError

BUILTIN_PACKAGE = "jobsched.handlers"
ENTRY_POINT_GROUP = "jobsched.handlers"


class Registry:
    """The handlers of one process.

    imports: modules of the user's to read, besides the built-in ones and the entry points.
    """

    def __init__(self, imports: Iterable[str] = ()) -> None:
        self._imports = tuple(imports)
        self._by_name: dict[str, Handler] = {}
        self._complete = False

    def find(self, name: str) -> Handler | None:
        """Return the handler called `name` (or with that alias), or None.

        HandlerImportError: a module that had to be read does not import.
        """
        if name not in self._by_name and not self._complete and not self._imports and _is_builtin(name):
            self._add_all(_import(f"{BUILTIN_PACKAGE}.{name}"))
        if name not in self._by_name:
            self._read_everything()
        return self._by_name.get(name)

    def all(self) -> list[Handler]:
        """Every handler, by name."""
        self._read_everything()
        return sorted(set(self._by_name.values()), key=lambda each: each.name)

    def names(self) -> list[str]:
        """Every name and alias that a job's type may be, sorted."""
        self._read_everything()
        return sorted(self._by_name)

    def add(self, handler: Handler) -> None:
        """Make `handler` known. ConfigError: its name or an alias is taken by another one, or a field of its
        payload is to name an entry of what is no table of the settings."""
        for table in handler.names.values():
            if table not in BY_KEY or not BY_KEY[table].table:
                tables = ", ".join(sorted(key for key, setting in BY_KEY.items() if setting.table))
                raise ConfigError(
                    f"handler {handler.name}: {table!r} is no table of the settings — there are {tables}",
                    fix=f"change names= of {_place(handler)}",
                )
        for name in (handler.name, *handler.aliases):
            known = self._by_name.get(name)
            if known is not None and known.function is not handler.function:
                raise ConfigError(
                    f"two handlers are called {name!r} — {_place(known)} and {_place(handler)}",
                    fix="rename one of them",
                )
            self._by_name[name] = handler

    def _read_everything(self) -> None:
        if self._complete:
            return
        package = importlib.import_module(BUILTIN_PACKAGE)
        for info in pkgutil.iter_modules(package.__path__):
            if not info.name.startswith("_"):
                self._add_all(_import(f"{BUILTIN_PACKAGE}.{info.name}"))
        for name in self._imports:
            self._add_all(_import(name))
        from importlib.metadata import entry_points

        for point in entry_points(group=ENTRY_POINT_GROUP):
            self._add_all(_import(point.module))
        self._complete = True

    def _add_all(self, module: ModuleType) -> None:
        for handler in _declared_in(module):
            self.add(handler)


def _is_builtin(name: str) -> bool:
    if not name.isidentifier() or name.startswith("_"):
        return False
    return importlib.util.find_spec(f"{BUILTIN_PACKAGE}.{name}") is not None


def _declared_in(module: ModuleType) -> Iterator[Handler]:
    for value in vars(module).values():
        declared = getattr(value, "jobsched_handler", None)
        if isinstance(declared, Handler):
            yield declared


def _import(name: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.append("")
    try:
        return importlib.import_module(name)
    except ConfigError:
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        raise HandlerImportError(
            f"the handler module {name} does not import — {type(error).__name__}: {error}",
            fix=f"python -c 'import {name}'",
        ) from error


def _place(handler: Handler) -> str:
    return f"{handler.function.__module__}.{handler.function.__qualname__}"
