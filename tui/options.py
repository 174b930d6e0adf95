"""What the screens are told when they are opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..core.config import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """How the screens are shown.

    by: who is at the keyboard, for the record that changes leave. profile: its name, for the header. filter: of the
    jobs that are shown first. environ: for command lines that are run. typed: every change wants its number typed.
    last: gives the job that `@last` means, for a store. keymap: other keys, by the ids of what they do.
    """

    settings: Settings
    by: str
    profile: str = ""
    read_only: bool = False
    typed: bool = False
    ascii_only: bool = False
    interval: float = 1.0
    view: str = "overview"
    filter: str = ""
    environ: Mapping[str, str] = field(default_factory=dict)
    last: Callable[[str], int] | None = None
    keymap: Mapping[str, str] = field(default_factory=dict)
