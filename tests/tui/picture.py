"""Pictures of screens: what the terminal shows, as SVG that is the same wherever and whenever it is drawn."""

from __future__ import annotations

import html
import re
from typing import Any

from textual.app import App

FONTS = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"

CELL = 12.2
"""Width of a character."""


def picture(app: App[Any], *, title: str = "jobsched") -> str:
    """Return the whole screen as SVG that asks for nothing else: no font from elsewhere, no script, no random name."""
    drawn = app.export_screenshot(title=title, simplify=True)
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"\s*<!--.*?-->", "", drawn, flags=re.DOTALL)
    drawn = re.sub(r"terminal-\d+", "t", drawn).replace("Fira Code, monospace", FONTS)
    return "\n".join(line.strip() for line in drawn.splitlines() if line.strip()) + "\n"


def text_of(svg: str) -> str:
    """The lines of a picture, for a difference that can be read."""
    lines: dict[float, str] = {}
    for x, y, text in re.findall(r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>', svg):
        shown = html.unescape(text).replace("\xa0", " ")
        lines[float(y)] = lines.get(float(y), "").ljust(round(float(x) / CELL)) + shown
    return "\n".join(lines[y].rstrip() for y in sorted(lines))
