"""What a terminal can show: signs in Unicode, or in ASCII for LANG=C."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ..core.model.durations import format_duration
from ..core.model.signs import COLOURS, SYMBOLS
from ..core.model.states import State
from .text import fit, in_ascii, safe

ATTRIBUTES = frozenset({"bold", "dim", "italic", "reverse", "underline"})
BARS = (" ▁▂▃▄▅▆▇█", " .:-=+*#@")


@dataclass(frozen=True, slots=True)
class Look:
    """ascii_only: nothing beyond ASCII is shown; what is, is spelled out. colours: whether there are any; with
    NO_COLOR, Textual makes greys of them, and red is then too dark to be read."""

    ascii_only: bool = False
    colours: bool = True

    def style(self, style: str) -> str:
        """`style` as Rich takes it, without its colours where there are none."""
        return style if self.colours else " ".join(word for word in style.split() if word in ATTRIBUTES)

    def fit(self, text: str, width: int, *, right: bool = False) -> str:
        """`text` in exactly `width` cells: see text.fit."""
        return fit(text, width, right=right, ascii_only=self.ascii_only)

    def text(self, text: str) -> str:
        """`text` on one line, safe to show."""
        return in_ascii(safe(text)) if self.ascii_only else safe(text)

    def pick(self, sign: str, plain: str) -> str:
        """The first where Unicode is shown, else the second."""
        return plain if self.ascii_only else sign

    def state(self, state: State) -> tuple[str, str]:
        """A state as sign and word, and its colour: colour is never the only difference."""
        return f"{SYMBOLS[state][self.ascii_only]} {state.value}", style_of(state)

    def bars(self, values: list[float], width: int) -> str:
        """The last `width` values as a line of bars, the highest as high as can be; blanks come first."""
        steps = BARS[self.ascii_only]
        shown = values[-width:]
        top = max(shown, default=0.0)
        drawn = "".join(
            steps[0] if value <= 0 else steps[max(1, round(value / top * (len(steps) - 1)))] for value in shown
        )
        return drawn.rjust(width)


def style_of(state: State) -> str:
    """The state's colour as Rich names it; empty for the terminal's own."""
    return "" if COLOURS[state] == "default" else COLOURS[state]


def span(seconds: float | None) -> str:
    """A duration in at most six characters: 340ms, 4.1s, 12m, 3h; empty for None."""
    if seconds is None:
        return ""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds / size:.0f}{unit}"
    return format_duration(seconds)


def number(value: float | None, *, more: bool = False) -> str:
    """A count with thousands apart; `+` after it where there are more than were counted. Empty for None."""
    if value is None:
        return ""
    return f"{value:,.0f}{'+' if more else ''}"


def rate(per_second: float | None) -> str:
    """A rate: 3/min, 7.5/s, 812/s, 20.1k/s; empty for None."""
    if per_second is None:
        return ""
    if per_second < 1:
        return f"{per_second * 60:.0f}/min" if per_second else "0"
    if per_second >= 10_000:
        return f"{per_second / 1000:.1f}k/s"
    return f"{per_second:,.0f}/s" if per_second >= 10 else f"{per_second:.1f}/s"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago that was, or in how long it will be; empty for None."""
    if moment is None:
        return ""
    seconds = (now - moment).total_seconds()
    return span(max(0.0, seconds)) if seconds > -1 else f"in {span(-seconds)}"


def clock(now: datetime) -> str:
    """Time of day in UTC."""
    return f"{now.astimezone(UTC):%H:%M:%S} UTC"
