"""Other keys for what the screens can do: [keymap] in config.toml, checked before anything is drawn.

A name there is the id of what a key does with `_` for its dot: `jobs_cancel = "ctrl+k"`, `table_down = "down,n"`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from textual.binding import Binding

from ..core.model.errors import ConfigError
from .app import JobschedApp
from .screens.activity import ActivityView
from .screens.cron import CronView
from .screens.dead import DeadView
from .screens.job import JobDetail
from .screens.jobs import JobsView
from .screens.overview import OverviewView
from .screens.queues import QueuesView
from .screens.workers import WorkersView
from .widgets.log_ring import LogRing
from .widgets.paged_table import PagedTable
from .widgets.virtual_table import VirtualTable

OWNERS = (
    JobschedApp, OverviewView, QueuesView, JobsView, WorkersView, DeadView, CronView, ActivityView, JobDetail,
    VirtualTable, PagedTable, LogRing,
)  # fmt: skip
EVERYWHERE = frozenset({"app", "view"})
NAMED = re.compile(r"(?:(?:ctrl|shift|alt)\+)*(?:[a-z][a-z0-9_]*|[!-~])")


@dataclass(frozen=True, slots=True)
class Key:
    """What a key does. name: as it is written in [keymap]. keys: all that do it."""

    name: str
    keys: tuple[str, ...]
    what: str

    @property
    def scope(self) -> str:
        """Where it works: the app, a table, a view."""
        return self.name.partition("_")[0]


def known() -> dict[str, Key]:
    """Everything that has a key, by its name."""
    return {key.name: key for key in _known()}


def _known() -> Iterator[Key]:
    for owner in OWNERS:
        for each in owner.__dict__.get("BINDINGS", ()):
            if isinstance(each, Binding) and each.id:
                yield Key(each.id.replace(".", "_", 1), _keys(each.key), each.description)


def read_keymap(wanted: Mapping[str, str]) -> dict[str, str]:
    """Return binding id → keys as Textual takes them. ConfigError: a name or key that is none, a key with two uses."""
    before = known()
    after = dict(before)
    for name, text in wanted.items():
        if name not in before:
            close = difflib.get_close_matches(name, before, 1)
            meant = f", {close[0]} is the closest" if close else ""
            raise ConfigError(f"keymap.{name[:60]} is nothing that has a key{meant}", fix="jobsched tui --keys")
        keys = _keys(text)
        wrong = [key for key in keys if not NAMED.fullmatch(key)]
        if wrong or not keys:
            raise ConfigError(
                f"keymap.{name} is {text[:60]!r} — keys are characters or names such as f5, space, ctrl+k, with commas",
                fix="jobsched config explain keymap",
            )
        after[name] = Key(name, keys, before[name].what)
    for name in wanted:
        _check_free(after[name], after)
    return {name.replace("_", ".", 1): ",".join(after[name].keys) for name in wanted}


def _check_free(key: Key, keys: Mapping[str, Key]) -> None:
    for other in keys.values():
        shared = set(key.keys) & set(other.keys)
        if other.name != key.name and shared and _meet(key.scope, other.scope):
            raise ConfigError(
                f"keymap.{key.name} is {min(shared)!r}, which is {other.name}'s ({other.what}) already",
                fix=f"give {other.name} another key too, or choose another one: jobsched tui --keys",
            )


def _meet(one: str, other: str) -> bool:
    """Whether keys of both work at the same time."""
    both = {one, other}
    if len(both) == 1 or both & EVERYWHERE:
        return True
    if "log" in both:
        return "job" in both
    return "table" in both and "job" not in both


def _keys(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(",") if each.strip())
