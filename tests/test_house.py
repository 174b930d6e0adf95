"""The house: what holds for every file, whoever wrote it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DATA_FILES = PROJECT["tool"]["setuptools"]["data-files"]
ROOMS = ("api", "cli", "core", "handlers", "tui")
ROOT_NAMES = {
    *ROOMS,
    *("tests", "docs", "deploy", "completions", ".ci"),
    *("__init__.py", "py.typed", "pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "LICENSE", ".gitignore"),
}

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
LONG_FILES: dict[str, str] = {"tests/store/schema.sql": "the whole schema as pg_dump writes it, generated"}
"""Path → why this file may be longer."""
LONG_FUNCTIONS: dict[str, str] = {}
"""path::name → why this function may be longer."""
SLEEPS: dict[str, str] = {
    "tests/engine/handlers_for_runner.py": "jobs that take time are what its tests are about",
    "tests/faults/handlers_for_faults.py": "jobs that take time are what its tests are about",
    "tests/handlers/conftest.py": "the S3 server tells nobody when it is ready: its health is all there is to ask",
}
"""Path → what sleeps there, where it is the subject of the test and not its way of waiting."""


@cache
def tracked() -> tuple[str, ...]:
    """Every file that is in the repository or would be added to it, relative to its root."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(sorted(name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()))


def python_files(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Path and syntax tree of the Python files in `folders`, or of all."""
    for name in tracked():
        if name.endswith(".py") and (not folders or name.split("/")[0] in folders):
            yield name, ast.parse((ROOT / name).read_text(), name)


def packaged() -> list[str]:
    """The files that belong to the package `jobsched`."""
    return [name for name in tracked() if name.split("/")[0] in (*ROOMS, "completions", "__init__.py", "py.typed")]


def packages() -> list[str]:
    """Dotted names of the package and its sub-packages, as the tree has them."""
    folders = [Path(name).parent for name in packaged() if name.endswith("__init__.py")]
    return sorted(".".join(("jobsched", *folder.parts)) for folder in folders)


def run(*command: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True)


def tool(name: str) -> str:
    """Path of a program of this environment."""
    return str(Path(sys.executable).with_name(name))


def test_the_root_holds_only_what_belongs_there() -> None:
    """Each name in the root is one of the rooms or a file that a tool looks for there."""
    assert {name.split("/")[0] for name in tracked()} - ROOT_NAMES == set()


def test_imports_keep_to_the_floors(tmp_path: Path) -> None:
    """All import contracts are kept; their names in pyproject.toml say what they hold."""
    (tmp_path / "jobsched").symlink_to(ROOT)

    result = run(tool("lint-imports"), "--no-cache", PYTHONPATH=str(tmp_path))

    assert result.returncode == 0, result.stdout


def test_importing_a_room_from_the_root_is_refused_by_the_linter() -> None:
    """`import core` makes a second copy of every class, unequal to the first: ruff's TID251 stops it."""
    for room in ("core", "cli", "handlers", "tui"):
        result = subprocess.run(
            [tool("ruff"), "check", "--stdin-filename", "tests/planted.py", "--output-format", "concise", "-"],
            cwd=ROOT,
            input=f"from {room} import something\n",
            capture_output=True,
            text=True,
        )

        assert "TID251" in result.stdout


def test_every_package_is_listed() -> None:
    """A package that pyproject.toml does not list would be missing from the wheel."""
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == packages()


def test_the_wheel_holds_the_tree(tmp_path: Path) -> None:
    """What is built is what is here: every module, statement and data file, and nothing else."""
    source = tmp_path / "source"
    for name in tracked():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)

    built = run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path), cwd=source)
    assert built.returncode == 0, built.stdout + built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
    shared = {
        f"{folder}/{file.name}" for folder, globs in DATA_FILES.items() for glob in globs for file in ROOT.glob(glob)
    }

    assert {name for name in names if ".data/" not in name} == {f"jobsched/{name}" for name in packaged()}
    assert {name.partition(".data/data/")[2] for name in names if ".data/" in name} == shared


def test_every_module_imports() -> None:
    """No module needs another one to have been imported before it."""
    modules = [
        "jobsched." + name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name in packaged()
        # Alembic runs env.py inside a migration, never imports it.
        if name.endswith(".py") and name not in ("__init__.py", "core/store/migrations/env.py")
    ]
    program = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"

    result = run(sys.executable, "-c", program, *reversed(modules), cwd=Path("/"))

    assert result.returncode == 0, result.stderr


def test_no_file_is_longer_than_one_subject() -> None:
    """A file of 500 lines is asking to be split along a seam that has a name."""
    long = {
        name
        for name in tracked()
        if name.endswith((".py", ".sql")) and len((ROOT / name).read_text().splitlines()) > MAX_FILE_LINES
    }

    assert long == set(LONG_FILES)


def test_no_function_is_longer_than_a_screen() -> None:
    """A function of 60 lines does several things."""
    long = {
        f"{name}::{node.name}"
        for name, tree in python_files()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION_LINES
    }

    assert long == set(LONG_FUNCTIONS)


def test_everything_public_is_documented() -> None:
    """Modules, classes, functions and methods of public name say what they do."""
    trees = list(python_files(*ROOMS, "__init__.py"))
    promised = {name for _, tree in trees for name in documented_methods(tree)}

    assert [found for name, tree in trees for found in undocumented(name, tree, promised)] == []


def documented_methods(tree: ast.Module) -> Iterator[str]:
    """Names of methods that some class in `tree` documents: another class that has them keeps that promise."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield from (each.name for each in node.body if is_function(each) and ast.get_docstring(each))


def is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def undocumented(where: str, node: ast.Module | ast.ClassDef, promised: set[str]) -> Iterator[str]:
    """Names of what is public in `node` and has no docstring.

    Properties are documented with their class. A method needs no words of its own where its class
    derives from another one, or where a class in the package documents a method of that name.
    """
    if isinstance(node, ast.Module) and node.body and ast.get_docstring(node) is None:
        yield where
    for each in node.body:
        if not isinstance(each, ast.ClassDef) and not is_function(each):
            continue
        inherited = isinstance(node, ast.ClassDef) and is_function(each) and (node.bases or each.name in promised)
        if each.name.startswith("_") or inherited or any("property" in ast.unparse(d) for d in each.decorator_list):
            continue
        # The tree of errors is documented as a tree, at the head of its module.
        if ast.get_docstring(each) is None and not where.startswith("core/model/errors.py"):
            yield f"{where}::{each.name}"
        if isinstance(each, ast.ClassDef):
            yield from undocumented(f"{where}::{each.name}", each, promised)


def test_every_test_states_its_rule() -> None:
    """A test's name is a sentence, and its docstring the rule that it holds."""
    silent = [
        f"{name}::{node.name}"
        for name, tree in python_files("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and ast.get_docstring(node) is None
    ]

    assert silent == []


def calls(*names: str) -> set[str]:
    """Test files that call a function or method with one of `names`, or decorate with one."""
    return {
        name
        for name, tree in python_files("tests")
        for node in ast.walk(tree)
        if (isinstance(node, ast.Attribute) and node.attr in names) or (isinstance(node, ast.Name) and node.id in names)
    }


def test_tests_wait_on_signals_and_never_sleep() -> None:
    """A sleep is too short on a slow machine and too long on a fast one."""
    assert calls("sleep") == set(SLEEPS)


def test_no_test_can_be_skipped() -> None:
    """A test that does not run proves nothing and looks as if it did."""
    assert calls("skip", "skipif", "xfail", "importorskip", "skipTest", "skipIf", "skipUnless") == set()


def test_no_file_names_a_path_of_one_machine() -> None:
    """What works only where it was written is not done."""
    here = re.escape(str(ROOT)) + "/[a-z.]"
    # In tests, home folders are somebody's hostile input.
    private = {
        True: re.compile(rf"(?<![\w./}}-]){here}", re.IGNORECASE),
        False: re.compile(rf"(?<![\w./}}-])({here}|/(root|home/[a-z]+)/[a-z.])", re.IGNORECASE),
    }
    found = []
    for name in tracked():
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue  # an image or the like
        found += [f"{name}: {match.group()}" for match in private[name.startswith("tests/")].finditer(text)]

    assert found == []


@pytest.mark.parametrize("name", ["LICENSE", "CHANGELOG.md", "README.md"])
def test_what_a_reader_expects_in_a_repository_is_there(name: str) -> None:
    """License, changes and introduction are files of their own, and not empty."""
    assert (ROOT / name).read_text().strip()
