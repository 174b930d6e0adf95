"""Jobs, newest first: filter, mark, open, change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from ...core.model.errors import JobschedError
from ..acting import on_jobs
from ..filtering import argv_of, read_filter
from ..look import Look
from ..questions import Jobs, Wanted
from ..tables import job_columns
from ..view import View, words
from ..widgets.paged_table import PAGE, PagedTable
from ..widgets.virtual_table import VirtualTable


class JobsView(View):
    """The table of jobs."""

    DEFAULT_CSS = """
    JobsView > #filter { height: 1; padding: 0 1; background: $boost; display: none; }
    JobsView > #about { height: 1; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", id="jobs.filter"),
        Binding("f", "follow", "Follow", show=False, id="jobs.follow"),
        Binding("R", "act('retry')", "Retry", id="jobs.retry"),
        Binding("C", "act('cancel')", "Cancel", id="jobs.cancel"),
        Binding("H", "act('hold')", "Hold", id="jobs.hold"),
        Binding("L", "act('release')", "Release", show=False, id="jobs.release"),
    ]
    HELP = "Jobs, newest first. New ones are announced above, and shown with g; f follows them."

    def __init__(self, look: Look, source: Jobs) -> None:
        super().__init__(id="jobs")
        self.source = source
        self.text = ""
        self.following = False
        self.table = PagedTable(job_columns(look, self.ago), lambda job: job.id, source, look=look, id="jobs-table")
        self.table.empty = "no job matches"

    def compose(self) -> ComposeResult:
        yield Input(compact=True, placeholder="state:dead queue:emails type:send_mail tag:nightly", id="filter")
        yield self.table
        yield Static(id="about")

    async def look_again(self) -> None:
        if self.following:
            self.table.set_rows(await self.source.newest(max(PAGE, len(self.table.rows))))
            self.table.set_notice("following (f)")
        else:
            await self.table.refresh_rows()

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        if self.table.marks:
            return ("show", *map(str, self.table.marks))
        return argv_of(self.source.wanted)

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else str(self.table.cursor.id)

    def show(self, wanted: Wanted, text: str) -> None:
        """Show the jobs that fit a filter. text: the filter as it is written."""
        self.text = text
        self.query_one("#filter", Input).value = text
        self.query_one("#filter", Input).display = bool(text)
        self.source = Jobs(self.shell.feed.ask, wanted)
        self.table.set_source(self.source)
        self._tell()

    def action_filter(self) -> None:
        """Write a filter."""
        line = self.query_one("#filter", Input)
        line.display = True
        self.give_keys(line)

    def action_follow(self) -> None:
        """Show new jobs as they come, or do not."""
        self.following = not self.following
        if self.following:
            self.table.reload()
        else:
            self.table.set_notice("")
        self.shell.feed.nudge()

    async def action_act(self, verb: str) -> None:
        """Propose a change of what is marked, or of the job under the cursor."""
        ids = list(self.table.marks) or [job.id for job in self.table.chosen()]
        try:
            jobs = await self.shell.feed.ask(lambda service: service.look([int(str(each)) for each in ids]))
        except JobschedError as error:
            self.shell.say(error.message, bad=True)
            return
        if jobs:
            self.shell.propose(on_jobs(verb, jobs))
        else:
            self.shell.say("nothing is selected", bad=True)

    @on(Input.Submitted, "#filter")
    def _filter(self, event: Input.Submitted) -> None:
        try:
            wanted = read_filter(event.value)
        except JobschedError as error:
            self._tell(error.message)
            return
        self.show(wanted, event.value.strip())
        self.give_keys(self.table)

    @on(VirtualTable.Changed)
    def _tell_place(self) -> None:
        self._tell()

    @on(VirtualTable.Opened)
    def _open(self, event: VirtualTable.Opened) -> None:
        if isinstance(event.key, int):
            self.shell.open_job(event.key)

    def on_key(self, event: object) -> None:
        """Escape in the filter gives the keys back to the table."""
        if getattr(event, "key", "") == "escape" and self.query_one("#filter", Input).has_focus:
            event.stop()  # type: ignore[attr-defined]
            self.query_one("#filter", Input).display = bool(self.text)
            self.query_one("#filter", Input).value = self.text
            self.give_keys(self.table)
            self._tell()

    def _tell(self, wrong: str = "") -> None:
        if wrong:
            self.put("about", words([(wrong, "red")], self.look))
            return
        rows = self.table.rows
        parts = [(f"{len(rows):,} loaded", "")] if rows else []
        if self.table.marks:
            parts.append((f"  {len(self.table.marks):,} marked", "bold"))
        if self.text:
            parts.append((f"  filter: {self.text}", ""))
        self.put("about", words(parts, self.look) if parts else Text(""))
