"""Finding handlers, at the price of the one that is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from jobsched.core.model.errors import ConfigError, HandlerImportError
from jobsched.core.registry import Registry

MINE = """
from jobsched.core.handler import handler

@handler("mine", aliases=("also-mine",))
def mine(payload: dict) -> None:
    '''Mine.'''
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the import path; modules made in it are forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield tmp_path  # type: ignore[misc]
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def test_the_handlers_that_come_with_jobsched_are_found() -> None:
    """By name, with their aliases, sorted."""
    registry = Registry()
    assert {"noop", "fail", "command", "pdf_invoice", "image_resize"} <= set(registry.names())
    assert [each.name for each in registry.all()] == sorted(each.name for each in registry.all())
    assert registry.find("noop") is registry.find("noop")


def test_an_unknown_name_is_none() -> None:
    """What to say about it is the caller's business; nothing outside the package is imported for it."""
    registry = Registry()
    for name in ("no_such_type", "os", "_private", "../noop", "noop.x", ""):
        assert registry.find(name) is None


def test_finding_a_builtin_imports_only_its_own_file() -> None:
    """`jobsched submit noop` must not pay for pydantic, PIL or fpdf."""
    program = (
        "import sys; from jobsched.core.registry import Registry; assert Registry().find('noop');"
        "print(sorted(n for n in sys.modules if n.startswith('jobsched.handlers.') or n in ('pydantic', 'PIL')))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['jobsched.handlers.noop']"


def test_a_module_of_the_user_s_adds_its_handlers(modules: Path) -> None:
    """Name and alias lead to the same handler, beside the built-in ones."""
    (modules / "my_jobs.py").write_text(MINE)
    registry = Registry(["my_jobs"])
    assert registry.find("mine") is registry.find("also-mine")
    assert registry.find("noop") is not None
    found = registry.find("mine")
    assert found
    assert found.summary == "Mine."


@pytest.mark.parametrize("text", ["import not_there_at_all", "1 / 0", "def broken(:", "raise SystemExit(3)"])
def test_a_module_that_does_not_import_is_named(text: str, modules: Path) -> None:
    """Exit 78, with the command that shows the traceback; even exit() in it does not end the program."""
    (modules / "broken_jobs.py").write_text(text)
    with pytest.raises(HandlerImportError, match="broken_jobs does not import") as caught:
        Registry(["broken_jobs"]).find("mine")
    assert caught.value.exit_code == 78
    assert caught.value.fix == "python -c 'import broken_jobs'"


def test_two_handlers_of_one_name_are_refused(modules: Path) -> None:
    """Which one would run must never depend on the order of imports."""
    (modules / "one_jobs.py").write_text(MINE)
    (modules / "two_jobs.py").write_text(MINE.replace('"mine"', '"other"'))
    with pytest.raises(ConfigError, match=r"'also-mine' — one_jobs\.mine and two_jobs\.mine"):
        Registry(["one_jobs", "two_jobs"]).names()


def test_a_handler_that_is_imported_elsewhere_is_still_one(modules: Path) -> None:
    """`from one_jobs import mine` in another module declares nothing new."""
    (modules / "one_jobs.py").write_text(MINE)
    (modules / "again_jobs.py").write_text("from one_jobs import mine")
    registry = Registry(["one_jobs", "again_jobs"])
    assert registry.find("mine") is not None


def test_a_builtin_s_name_cannot_be_taken_over(modules: Path) -> None:
    """A module that redefines `noop` is refused, not preferred."""
    (modules / "noop_jobs.py").write_text(MINE.replace('"mine"', '"noop"'))
    with pytest.raises(ConfigError, match="two handlers are called 'noop'"):
        Registry(["noop_jobs"]).find("noop")
