"""What every screen is: something that asks the feed when it is seen, and knows the command that says the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, cast

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from .acting import Act
from .look import Look, ago

if TYPE_CHECKING:
    from .feed import Feed
    from .options import Options


JOB_PAGES = {
    "log": ("l", 4, "Log"),
    "why": ("w", 1, "Why"),
    "payload": ("a", 3, "Payload"),
    "attempts": ("e", 2, "Attempts"),
    "dependencies": ("o", 5, "Dependencies"),
}
"""What of a job can be shown from a list of jobs: its key, the page of the job, its name."""


class Shell(Protocol):
    """What a view may ask of the app around it."""

    options: Options
    feed: Feed
    look: Look
    now: Callable[[], datetime]

    def propose(self, wanted: Act | Awaitable[Act]) -> None:
        """Show a change to whoever is at the keyboard, and make it if they say so."""

    def open_job(self, job_id: int, page: int = 1) -> None:
        """Show a job in full, at one of its pages."""

    def show_jobs(self, text: str) -> None:
        """Show the jobs that fit a filter."""

    def offer_line(self, line: str) -> None:
        """Write a line of the program, to be run with Enter."""

    def redraw(self) -> None:
        """Draw what is around the view again."""

    def say(self, words: str, *, bad: bool = False) -> None:
        """Say something in passing."""


class View(Vertical):
    """A screen with a tab of its own."""

    DEFAULT_CSS = "View { height: 1fr; }"

    @property
    def shell(self) -> Shell:
        """The app around it."""
        return cast("Shell", self.app)

    @property
    def look(self) -> Look:
        return self.shell.look

    @property
    def as_of(self) -> datetime | None:
        """When what is shown was seen, where somebody looks at the past."""
        return None

    async def look_again(self) -> None:
        """Ask for what is shown and show it. Raises what the feed does."""

    def take_focus(self) -> None:
        """Put the keys where they are wanted when the view is opened."""

    def give_keys(self, widget: Widget) -> None:
        """Let the next key go there: `Widget.focus` would let those through that are on their way."""
        self.screen.set_focus(widget)

    def argv(self) -> Sequence[str]:
        """The command line that shows the same, without the program."""
        return ()

    def chosen_id(self) -> str | None:
        """The id or name of what is under the cursor, to be copied."""
        return None

    def put(self, where: str, text: Text | Table | str) -> None:
        """Write a text into the Static of that id; nowhere, if the view was closed while it was asked for."""
        for each in self.query(f"#{where}").results(Static):
            each.update(text)

    def ago(self, moment: datetime | None) -> str:
        """How long ago that was, or in how long it will be."""
        return ago(moment, self.shell.now())


def job_keys(scope: str, *names: str) -> list[BindingType]:
    """Keys that open the job under the cursor at one of its pages: those that have names here. scope: of their ids."""
    return [
        Binding(key, f"look({page})", title, show=name in ("log", "why"), id=f"{scope}.{name}")
        for name, (key, page, title) in JOB_PAGES.items()
        if name in names
    ]


def words(parts: Sequence[tuple[str, str]], look: Look) -> Text:
    """A line of (text, style) in which nothing is markup and everything is safe to show."""
    return Text.assemble(*((look.text(text), look.style(style)) for text, style in parts), no_wrap=True, end="")


def paragraph(lines: Sequence[str], look: Look) -> Text:
    """Lines in which nothing is markup and everything is safe to show."""
    return Text("\n").join(words([(line, "")], look) for line in lines)


def pairs(lines: Sequence[tuple[tuple[str, str], tuple[str, str]]], width: int, look: Look) -> Table:
    """Lines of a name, `width` cells wide, and what it stands for, which is broken where the terminal ends. Each is
    (text, style)."""
    table = Table.grid(expand=True)
    table.add_column(width=width, no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    for name, value in lines:
        table.add_row(*(Text(look.text(text), look.style(style)) for text, style in (name, value)))
    return table
