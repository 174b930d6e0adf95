"""A line to write in, with Enter at its end."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class Line(Input):
    """A program that writes to a terminal ends a line with Ctrl-J, as a shell takes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+j", "submit", "Take it", show=False)]
