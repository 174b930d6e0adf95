"""Where the generated completion scripts are, for those who only hand them out."""

from __future__ import annotations

from pathlib import Path

FILES = {"bash": "jobsched.bash", "zsh": "_jobsched", "fish": "jobsched.fish"}
"""Shell → what its script is called."""
MADE = "made from the jobsched command tree"
"""In each script's head: it is ours to replace."""


def folder() -> Path:
    """The folder completions/, in the repository and in the wheel."""
    return Path(__file__).parents[2] / "completions"
