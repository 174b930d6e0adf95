"""The app around the screens: header, tabs, footer, and the keys that work everywhere.

run(Options(settings, by="ann@host", profile="prod"))
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import ClassVar

from rich.text import Text
from textual import events, on, work
from textual.actions import SkipAction
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, Footer, Input, Static

from ..core.model.errors import JobschedError, UsageError
from .acting import Act, command_line, told, undo_of
from .feed import Feed
from .held import HeldKeys, Passed
from .job_pages import Jobs
from .look import Look, clock, span
from .options import Options
from .palette import Everything
from .questions import last_change
from .screens.activity import ActivityView
from .screens.command import CommandScreen
from .screens.cron import CronView
from .screens.dead import DeadView
from .screens.help import HelpScreen
from .screens.job import JobDetail
from .screens.jobs import JobsView
from .screens.overview import OverviewView
from .screens.preview import Preview
from .screens.queues import QueuesView
from .screens.workers import WorkersView
from .view import View, words
from .work import newest

TWICE = 2.0
"""Seconds within which Ctrl-C has to be pressed twice."""
TABS = (
    ("1", "overview", "Overview"),
    ("2", "queues", "Queues"),
    ("3", "jobs", "Jobs"),
    ("4", "workers", "Workers"),
    ("5", "dead", "Dead letters"),
    ("6", "cron", "Cron"),
    ("7", "activity", "Activity"),
)
SHORT = {"dead": "Dead", "activity": "Tail"}
"""Titles where there is no room for the others."""
THEMES = ("textual-dark", "textual-light", "ansi-dark", "ansi-light")


class JobschedApp(App[None]):
    """The screens over one store."""

    TITLE = "jobsched"
    COMMANDS: ClassVar = App.COMMANDS | {Everything}
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-narrow"),
        (100, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-short"),
        (22, "-tall"),
    ]
    CSS = """
    Screen { layers: base; }
    #header { height: 1; background: $panel; padding: 0 1; }
    .-production #header { background: $error 60%; }
    #tabs { height: 1; padding: 0 1; }
    #banner { height: 1; background: $error 40%; padding: 0 1; display: none; text-style: bold; }
    .-lost #banner { display: block; }
    .-lost #views { opacity: 60%; }
    #views { height: 1fr; }
    Static { text-wrap: nowrap; text-overflow: ellipsis; }
    VerticalScroll Static, Preview Static { text-wrap: wrap; }
    .-ascii .panel { border: ascii $primary; }
    .-narrow #times { display: none; }
    .-narrow FooterKey.-command-palette { display: none; }
    .-short #panels { height: 3; }
    .-short .panel { border: none; }
    OverviewView.-zoomed #panels { height: 1fr; }
    .-ascii Static { text-overflow: clip; }
    .-ascii FooterKey.-command-palette, .-ascii Toast { border: none; }
    .-ascii VerticalScroll { scrollbar-size: 0 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"view('{name}')", title, show=False, id=f"view.{name}") for key, name, title in TABS),
        Binding("question_mark", "keys", "Help", key_display="?", priority=True, id="app.help"),
        Binding("colon", "command", "Command", key_display=":", priority=True, id="app.command"),
        Binding("Y", "copy_command", "Copy command", show=False, id="app.copy_command"),
        Binding("y", "copy_id", "Copy id", show=False, id="app.copy_id"),
        Binding("u", "undo", "Undo", show=False, id="app.undo"),
        Binding("p", "pause", "Pause refresh", show=False, id="app.pause"),
        Binding("r", "again", "Refresh now", show=False, id="app.refresh"),
        Binding("plus", "interval(0.5)", "Refresh more often", show=False, key_display="+", id="app.faster"),
        Binding("minus", "interval(2)", "Refresh more seldom", show=False, key_display="-", id="app.slower"),
        Binding("T", "next_theme", "Theme", show=False, id="app.theme"),
        Binding("escape", "back", "Back", show=False, id="app.back"),
        Binding("q", "leave", "Quit", id="app.quit"),
        Binding("ctrl+c", "interrupt", "Quit", show=False, priority=True, id="app.interrupt"),
    ]

    def __init__(
        self,
        options: Options,
        *,
        feed: Feed | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self.options = options
        self.look = Look(options.ascii_only, colours=not self.no_color)
        self.set_keymap(dict(options.keymap))
        self.now = now
        self.feed = feed or Feed(options.settings, interval=options.interval)
        self.feed.told = self._draw_around
        self.history: list[str] = []
        self._where = ""
        self._changes = ThreadPoolExecutor(max_workers=1, thread_name_prefix="jobsched-changes")
        self._interrupted = 0.0
        self._held = HeldKeys(self)
        self._came_from = ""
        self._dead = ""
        self._drawable = False

    def compose(self) -> ComposeResult:
        yield Static(id="header")
        yield Static(id="tabs")
        yield Static(id="banner")
        with ContentSwitcher(initial=self.options.view, id="views"):
            yield OverviewView(self.look)
            yield QueuesView(self.look)
            yield JobsView(self.look, Jobs(self.feed.ask))
            yield WorkersView(self.look)
            yield DeadView(self.look)
            yield CronView(self.look)
            yield ActivityView(self.look)
        yield Footer()

    def on_mount(self) -> None:
        self.screen.set_class(self.look.ascii_only, "-ascii")
        self.screen.set_class(self.options.typed, "-production")
        self._where, self._drawable = self.feed.where, True
        self._draw_around()
        self.active.take_focus()
        if self.options.filter:
            self.query_one(JobsView).show(self.options.filter)
        self.set_interval(1.0, self._draw_around)
        self.run_worker(self.feed.run(self._tick), group="feed")

    def on_unmount(self) -> None:
        self.feed.close()
        self._changes.shutdown(wait=False)

    # What views ask for

    @property
    def active(self) -> View:
        """The view that is seen."""
        switcher = self.screen_stack[0].query_one("#views", ContentSwitcher)
        shown = switcher.visible_content
        assert isinstance(shown, View)
        return shown

    def open_job(self, job_id: int, page: int = 1) -> None:
        """Show a job in full, over the view that is seen."""
        self._open(JobDetail(self.look, job_id, page=page))

    def show_jobs(self, text: str) -> None:
        """Show the jobs that fit a filter."""
        self.action_view("jobs")
        self.screen_stack[0].query_one(JobsView).show(text)

    def redraw(self) -> None:
        """Draw what is around the view again."""
        self._draw_around()

    def say(self, words: str, *, bad: bool = False) -> None:
        """Say something in passing."""
        plain = words.replace("—", self.look.pick("—", "-"))
        self.notify(self.look.text(plain), severity="error" if bad else "information", markup=False)

    def propose(self, wanted: Act | Awaitable[Act]) -> None:
        """Show a change, and make it if whoever is at the keyboard says so. Keys that come before it is shown are for
        its preview, and for nothing where there will be none. JobschedError, while it is looked up, is said."""
        self._held.hold()
        self._propose(wanted)

    @work
    async def _propose(self, wanted: Act | Awaitable[Act]) -> None:
        try:
            act = wanted if isinstance(wanted, Act) else await wanted
            if self.options.read_only:
                raise UsageError(f"read-only — {act.command}")
            if self.feed.freshness().state == "lost":
                raise UsageError("the store is lost: nothing can be changed")
        except JobschedError as error:
            self._held.drop()
            self.say(error.message, bad=True)
            return
        preview = Preview(act, self.look, typed=self.options.typed, shown=self._held.give_back)
        if not await self.push_screen_wait(preview):
            return
        try:
            came = await asyncio.get_running_loop().run_in_executor(
                self._changes, self.feed.change, act.call, self.options.by
            )
        except JobschedError as error:
            self.say(error.message, bad=True)
            return
        said, good = told(came)
        self.say(said, bad=not good)
        self.feed.nudge()

    # Keys

    async def on_event(self, event: events.Event) -> None:
        """Hold keys while something that they are for is looked up, or opened."""
        if not self._held.take(event):
            await super().on_event(event)

    @on(Passed)
    def _keys_have_passed(self, message: Passed) -> None:
        message.passed.set()

    def _skip_in_lines(self) -> None:
        """Keys that open a screen work at once, before the next key is read; but in a line they are characters, and
        over another screen they are its own. SkipAction."""
        if len(self.screen_stack) > 1 or isinstance(self.focused, Input):
            raise SkipAction

    def action_view(self, name: str) -> None:
        """Go to a view."""
        self._close_job()
        self.screen_stack[0].query_one("#views", ContentSwitcher).current = name
        self._draw_around()
        self.active.take_focus()
        self.feed.nudge()

    async def action_back(self) -> None:
        """Close the job that is open."""
        if isinstance(self.active, JobDetail):
            self.action_view(self._came_from)

    async def action_leave(self) -> None:
        """Close the job that is open; where none is, end."""
        if isinstance(self.active, JobDetail):
            self.action_view(self._came_from)
        else:
            self.exit()

    def action_interrupt(self) -> None:
        """End, when it is pressed twice."""
        if isinstance(self.screen, CommandScreen):
            self.screen.action_interrupt()
            return
        now = time.monotonic()
        if now - self._interrupted < TWICE:
            self.exit()
        self._interrupted = now
        self.say("Ctrl-C once more ends it")

    async def action_keys(self) -> None:
        """Say which keys there are."""
        self._skip_in_lines()
        await self.push_screen(HelpScreen(self.look, dict(self.screen.active_bindings), self.active.HELP or ""))

    async def action_command(self) -> None:
        """Run a line of the program. The next key is read when there is a line for it."""
        self._skip_in_lines()
        await self.push_screen(self._command(""), lambda _: self.feed.nudge())

    def offer_line(self, line: str) -> None:
        """Write a line of the program, to be run with Enter. Keys that come meanwhile are for it."""
        self._held.hold()
        self.push_screen(self._command(line), lambda _: self.feed.nudge())

    def _command(self, line: str) -> CommandScreen:
        return CommandScreen(
            self.look, self.history, self.options.environ, read_only=self.options.read_only, line=line,
            shown=self._held.give_back,
        )  # fmt: skip

    def action_copy_command(self) -> None:
        """Copy the command line that shows what is seen."""
        line = command_line(self.active.argv())
        self.copy_to_clipboard(line)
        self.say(f"copied: {line}")

    def action_copy_id(self) -> None:
        """Copy the id or name of what is under the cursor."""
        chosen = self.active.chosen_id()
        if chosen is not None:
            self.copy_to_clipboard(chosen)
            self.say(f"copied: {chosen}")

    def action_undo(self) -> None:
        """Propose to undo the last change that whoever is at the keyboard made."""
        self.propose(self._undo())

    async def _undo(self) -> Act:
        last = await self.feed.ask(last_change(self.options.by))
        if last is None:
            raise UsageError(f"there is no change by {self.options.by} to undo")
        return undo_of(last)

    def action_pause(self) -> None:
        """Stop looking, or go on."""
        self.feed.paused = not self.feed.paused
        self.feed.nudge()
        self._draw_around()

    def action_again(self) -> None:
        """Look now."""
        self.feed.nudge()

    def action_interval(self, factor: float) -> None:
        """Look more often or more seldom."""
        self.feed.change_interval(factor)
        self._draw_around()

    def action_next_theme(self) -> None:
        """Change the colours."""
        place = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(place + 1) % len(THEMES)]

    def on_app_blur(self) -> None:
        """Nobody is at the keyboard: look twice a minute, for whoever sees it beside other windows."""
        self.feed.away = True
        self._draw_around()

    def on_app_focus(self) -> None:
        """Somebody is back: look at once."""
        self.feed.away = False
        self.feed.nudge()
        self._draw_around()

    def on_click(self, event: events.Click) -> None:
        """A click on a tab opens it."""
        if event.widget is not None and event.widget.id == "tabs":
            at = 1
            for key, name, title in TABS:
                at += len(self._tab(key, name, title))
                if event.x < at:
                    self.action_view(name)
                    return

    # The feed

    async def _tick(self) -> None:
        try:
            await self._look_again()
        except Exception:
            if self.is_running:
                raise  # otherwise the screens were closed meanwhile

    async def _look_again(self) -> None:
        active = self.active
        if active.is_mounted:
            await active.look_again()
        if isinstance(active, DeadView):
            count = sum(kind.group.count for kind in active.table.rows)
            self._dead = f" ({count:,})" if count else ""
        self._draw_around()

    def _open(self, detail: JobDetail) -> None:
        switcher = self.screen_stack[0].query_one("#views", ContentSwitcher)
        if not isinstance(self.active, JobDetail):
            self._came_from = self.active.id or "jobs"
        self._close_job()

        async def show() -> None:
            await switcher.mount(detail)
            switcher.current = detail.id
            detail.take_focus()
            self.feed.nudge()

        newest(self, "open", show)

    def _close_job(self) -> None:
        for detail in self.screen_stack[0].query(JobDetail):
            self.screen_stack[0].query_one("#views", ContentSwitcher).current = self._came_from
            detail.remove()

    # Header and tabs

    def _draw_around(self) -> None:
        if not (self._drawable and self.is_running):
            return
        screen = self.screen_stack[0]
        screen.query_one("#header", Static).update(self._header())
        parts = []
        for key, name, title in TABS:
            seen = self.active.id == name or (isinstance(self.active, JobDetail) and self._came_from == name)
            parts.append((self._tab(key, name, title), "reverse bold" if seen else ""))
        screen.query_one("#tabs", Static).update(words(parts, self.look))
        fresh = self.feed.freshness()
        if fresh.state == "lost":
            retry = f", retrying in {span(fresh.retry)} (r now)" if fresh.retry is not None else ""
            since = f" for {span(fresh.age)}" if fresh.age is not None else ""
            screen.query_one("#banner", Static).update(
                words([(f"store unreachable{since}{retry}: {fresh.reason}", "")], self.look)
            )
        screen.set_class(fresh.state == "lost", "-lost")

    def _tab(self, key: str, name: str, title: str) -> str:
        """Whole words on every terminal: fewer and shorter ones where it is small."""
        if self.size.width < 80:
            return f" {key} {SHORT.get(name, title)}"
        if name != "dead":
            return f" {key} {title} "
        return f" {key} {title if self.size.width >= 100 else SHORT[name]}{self._dead} "

    def _header(self) -> Text:
        """From left to right what matters most is last to be cut."""
        fresh, narrow = self.feed.freshness(), self.size.width < 100
        dot = self.look.pick(" · ", " | ")
        style = {"live": "green", "slow": "yellow", "lost": "bold red"}[fresh.state]
        age = "…" if fresh.age is None else span(fresh.age)
        left: list[tuple[str, str]] = [("jobsched ", "bold")]
        if self.options.profile:
            left.append((f"{self.options.profile} ", "bold red" if self.options.typed else "bold"))
        left.append((("RO" if self.options.read_only else "RW"), "yellow" if self.options.read_only else "dim"))
        state = "paused" if fresh.paused else "paused (no focus)" if fresh.away else fresh.state
        seldom = fresh.paused or fresh.away
        middle = [(f" {self.look.pick('●', '*')} {state}{dot}data {age}", "yellow" if seldom else style)]
        if self.active.as_of is not None:
            middle = [(f" {self.look.pick('◷', '@')} as of {clock(self.active.as_of)}", "bold yellow")]
        if fresh.latency is not None:
            middle.append((f"{dot}db {fresh.latency * 1000:.0f}ms", "dim"))
        if not narrow:
            middle.append((f"{dot}listen {'ok' if fresh.listening else 'off'}", "dim"))
            middle.append((f"{dot}every {span(fresh.interval)}", "dim"))
        where = self._where if not narrow else self._where.rpartition("@")[2]
        right = [(f"{clock(self.now())}", "")]
        return self._across(left, middle, where, right)

    def _across(
        self,
        left: list[tuple[str, str]],
        middle: list[tuple[str, str]],
        where: str,
        right: list[tuple[str, str]],
    ) -> Text:
        """Put them on one line, with as much of the store's address as there is room for."""
        used = sum(len(text) for text, _ in (*left, *middle, *right))
        room = self.size.width - 2 - used
        if room > 12:
            left.append((f" {self.look.fit(where, min(len(where), room - 3))} ", "dim"))
        used = sum(len(text) for text, _ in (*left, *middle, *right))
        gap = " " * max(1, self.size.width - 2 - used)
        return words([*left, *middle, (gap, ""), *right], self.look)


def run(options: Options) -> int:
    """Show the screens until somebody leaves; return the exit code. Raises what opening the store does."""
    app = JobschedApp(options)
    app.feed.open()
    app.run(mouse=True)
    return app.return_code or 0
