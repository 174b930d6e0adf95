"""Jobs, newest first: filter, mark, open, change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from ...core.model.errors import JobschedError, TryAgain, UsageError
from ...core.model.results import Verb
from ...core.model.selection import FIELDS, Condition, Selection, parse
from ...core.model.selection.expression import Compare
from .. import questions
from ..acting import JOB_VERBS, Act, JobVerb, counted, on_jobs, on_selections
from ..choice import ChooseOne, ChooseSome
from ..filtering import Ends, FilterLine, offers
from ..job_pages import Jobs
from ..lane import choose_lane
from ..look import Look
from ..tables import extra_job_columns, job_columns
from ..view import JOB_PAGES, View, job_keys, words
from ..widgets.paged_table import PAGE, PagedTable
from ..widgets.virtual_table import VirtualTable
from ..work import newest

EVERY_JOB = Selection((Condition("id", Compare(">", 0)),))
NEWEST_FIRST = "newest first"


class JobsView(View):
    """The table of jobs."""

    DEFAULT_CSS = """
    JobsView > #filter { height: 1; padding: 0 1; background: $boost; display: none; }
    JobsView > #about { height: 1; padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/", priority=True, id="jobs.filter"),
        Binding("f", "follow", "Follow", show=False, id="jobs.follow"),
        Binding("s", "sort", "Sort", show=False, id="jobs.sort"),
        Binding("c", "columns", "Columns", show=False, id="jobs.columns"),
        Binding("R", "act('retry')", "Retry", id="jobs.retry"),
        Binding("C", "act('cancel')", "Cancel", id="jobs.cancel"),
        Binding("H", "act('hold')", "Hold", id="jobs.hold"),
        Binding("L", "act('release')", "Release", show=False, id="jobs.release"),
        Binding("M", "move", "Move", show=False, id="jobs.move"),
        *job_keys("jobs", *JOB_PAGES),
    ]
    HELP = (
        "Jobs, newest first. New ones are announced above, and shown with g; f follows them. The filter is what -f "
        "takes: Tab ends a word as is offered. * marks all that match, the ones that are not loaded included."
    )

    def __init__(self, look: Look, source: Jobs) -> None:
        super().__init__(id="jobs")
        self.source = source
        self.text = ""
        self.following = False
        self.matching: int | str | None = None
        self._uncounted = False
        self._wrong = ""
        self._ends = Ends()
        self._all_columns = (*job_columns(look, self.ago), *extra_job_columns(self.ago))
        self.table = PagedTable(job_columns(look, self.ago), lambda job: job.id, source, look=look, id="jobs-table")
        self.table.empty = "no job matches"

    def compose(self) -> ComposeResult:
        yield FilterLine(self._ends, id="filter")
        yield self.table
        yield Static(id="about")

    async def look_again(self) -> None:
        source = self.source
        if source.sort:
            part = await source.newest(PAGE)
            if source is self.source:
                self.table.show_newest(part)
                self.table.set_notice(f"by {source.sort}, the first {PAGE} (s)")
        elif self.following:
            if source.is_slow:
                await self.table.catch_up()
            else:
                part = await source.newest(max(PAGE, len(self.table.rows)))
                if source is self.source:
                    self.table.show_newest(part)
            self.table.set_notice("following (f)")
        else:
            await self.table.refresh_rows()

    def take_focus(self) -> None:
        self.give_keys(self.table)

    def argv(self) -> Sequence[str]:
        if self.table.marks:
            return ("show", *map(str, self.table.marks))
        chosen = () if self.source.wanted is None else ("-f", str(self.source.wanted))
        return ("ls", *chosen, *(("--sort", self.source.sort) if self.source.sort else ()))

    def chosen_id(self) -> str | None:
        return None if self.table.cursor is None else str(self.table.cursor.id)

    def show(self, text: str) -> None:
        """Show the jobs that fit a filter; all, where it is empty. Raises SelectionInvalid."""
        text = text.strip()
        wanted = None
        if text:
            options = self.shell.options
            last = None if options.last is None else partial(options.last, self.shell.feed.where)
            wanted = parse(text, me=options.by, last=last)
        self.text = text
        line = self.query_one("#filter", FilterLine)
        line.value, line.display = text, bool(text)
        self._look_at(Jobs(self.shell.feed.ask, wanted, self.source.sort))

    def _look_at(self, source: Jobs) -> None:
        self.source, self.matching = source, None
        self.table.set_notice("")
        self.table.set_source(source)
        self._uncounted = source.wanted is not None
        self._tell()

    async def _count(self, source: Jobs) -> None:
        try:
            found: int | str = await self.shell.feed.ask(questions.count(source.wanted))
        except TryAgain:
            found = "too many to count"
        except JobschedError:
            return  # the header says so
        if source is self.source:
            self.matching = found
            self._tell()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The key of the filter works at once, before the next key is read: in the filter it is a character."""
        return action != "filter" or not self._writes_filter()

    def _writes_filter(self) -> bool:
        """Whether the next key goes into the filter: `has_focus` tells it only when the line has heard of it."""
        return self.screen.focused is self.query_one("#filter", FilterLine)

    def action_filter(self) -> None:
        """Write a filter."""
        line = self.query_one("#filter", FilterLine)
        line.display = True
        self.give_keys(line)
        newest(self, "words", self._learn)

    async def _learn(self) -> None:
        """Ask which names there are."""
        try:
            self._ends.known = await self.shell.feed.ask(questions.words)
        except JobschedError:
            self._ends.known = {}

    def action_sort(self) -> None:
        """Choose an order."""
        names = [name for name, field in FIELDS.items() if field.kind not in ("tags", "args")]
        options = [NEWEST_FIRST, *(f"{sign}{name}" for name in names for sign in ("-", ""))]

        def take(chosen: str | None) -> None:
            if chosen is not None:
                order = None if chosen == NEWEST_FIRST else chosen
                self._look_at(Jobs(self.shell.feed.ask, self.source.wanted, order))
                self.shell.feed.nudge()

        self.app.push_screen(
            ChooseOne(self.look, "sort by (-: largest first)", options, self.source.sort or NEWEST_FIRST), take
        )

    def action_columns(self) -> None:
        """Choose which columns there are."""

        def take(chosen: list[str] | None) -> None:
            if chosen:
                self.table.columns = tuple(each for each in self._all_columns if each.title in chosen)
                self.table.refresh()

        shown = [each.title for each in self.table.columns]
        self.app.push_screen(ChooseSome(self.look, "columns", [each.title for each in self._all_columns], shown), take)

    def action_follow(self) -> None:
        """Show new jobs as they come, or do not."""
        self.following = not self.following
        if self.following:
            self.table.reload()
        else:
            self.table.set_notice("")
        self.shell.feed.nudge()

    def action_look(self, page: int) -> None:
        """Show a page of the job under the cursor."""
        if self.table.cursor is not None:
            self.shell.open_job(self.table.cursor.id, page)

    def action_act(self, verb: Verb) -> None:
        """Propose a change of what is marked, or of the job under the cursor."""
        self._propose(JOB_VERBS[verb])

    async def action_move(self) -> None:
        """Ask where to, and propose to move what is marked, or the job under the cursor."""
        await choose_lane(self, self._propose)

    def _propose(self, verb: JobVerb) -> None:
        if self.table.every:
            self.shell.propose(self._change_all(verb, self.source.wanted or EVERY_JOB))
        else:
            self.shell.propose(self._change(verb, list(self.table.marks) or [job.id for job in self.table.chosen()]))

    async def _change(self, verb: JobVerb, ids: Sequence[object]) -> Act:
        jobs = await self.shell.feed.ask(lambda service: service.look([int(str(each)) for each in ids]))
        if not jobs:
            raise UsageError("nothing is selected")
        return on_jobs(verb, jobs)

    async def _change_all(self, verb: JobVerb, chosen: Selection) -> Act:
        count, tallies = await self.shell.feed.ask(questions.counts([chosen]))
        if not count:
            raise UsageError("no job matches")
        return on_selections(verb, [chosen], count, counted(tallies))

    @on(FilterLine.Submitted, "#filter")
    def _filter(self, event: FilterLine.Submitted) -> None:
        try:
            self.show(event.value)
        except JobschedError as error:
            self._wrong = error.message
            self._tell()
            return
        self.give_keys(self.table)

    @on(FilterLine.Changed, "#filter")
    def _offer(self) -> None:
        self._wrong = ""
        self._tell()

    @on(VirtualTable.Changed)
    def _tell_place(self) -> None:
        if self._uncounted and self.table.answered:  # who waits for rows does not wait for their number as well
            self._uncounted = False
            newest(self, "count", self._count, self.source)
        self._tell()

    @on(VirtualTable.Opened)
    def _open(self, event: VirtualTable.Opened) -> None:
        if isinstance(event.key, int):
            self.shell.open_job(event.key)

    def on_key(self, event: object) -> None:
        """Escape in the filter gives the keys back to the table."""
        if getattr(event, "key", "") == "escape" and self._writes_filter():
            event.stop()  # type: ignore[attr-defined]
            self.query_one("#filter", FilterLine).display = bool(self.text)
            self.query_one("#filter", FilterLine).value = self.text
            self.give_keys(self.table)
            self._tell()

    def _tell(self) -> None:
        """Say below the table what is wrong with the filter, what may come next in it, or what is shown."""
        line = self.query_one("#filter", FilterLine)
        if self._writes_filter():
            offered = offers(line.value, self._ends.known)
            self.put("about", words([(self._wrong, "red") if self._wrong else (offered, "dim")], self.look))
            return
        rows = self.table.rows
        parts = [(f"{len(rows):,} loaded", "")] if rows else []
        if self.table.every:
            parts.append((f"  all {self._matches()} are marked" if self.text else "  every job is marked", "bold"))
        elif self.table.marks:
            parts.append((f"  {len(self.table.marks):,} marked", "bold"))
        if self.text:
            parts.append((f"  filter: {self.text}", ""))
            if self.matching is not None and not self.table.every:
                parts.append((f"  {self._matches()}", ""))
        self.put("about", words(parts, self.look) if parts else Text(""))

    def _matches(self) -> str:
        """How many fit, once that is known."""
        if isinstance(self.matching, int):
            return f"{self.matching:,} that match"
        return self.matching or "that match"
