"""Handlers of the user's own: from an installed package, from a module, and what is said of broken ones."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]
PROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-jobs"
version = "1.0"

[project.entry-points."jobsched.handlers"]
reports = "acme_jobs.reports"
"""
REPORTS = '''
from pydantic import BaseModel, Field, SecretStr

from jobsched import Context, handler


class Seller(BaseModel):
    """Who sells."""

    name: str = Field(min_length=1, max_length=60, description="as on the sign")


class Report(BaseModel):
    """What a report is made of."""

    month: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$", description="such as 2026-03")
    sellers: list[Seller] = Field(default_factory=list, max_length=9)
    key: SecretStr = SecretStr("")
    source: str = Field("default", description="where the figures are")


@handler("acme_report", aliases=("acme_rep",), queue="acme", names={"source": "databases"})
def acme_report(payload: Report, context: Context) -> dict[str, object]:
    """Report a month."""
    context.log("reporting", month=payload.month)
    return {"month": payload.month, "sellers": len(payload.sellers), "key": len(payload.key.get_secret_value())}
'''
STORE = '''
from jobsched import Context, handler
from jobsched.core.store.store import open_store


def look(context: Context) -> dict[str, object]:
    with open_store(context.settings, start=False) as store, store.connection() as connection:
        return {"jobs": connection.execute("select count(*) from jobsched.job").fetchone()[0]}


@handler("with_store", isolation="process", store=True)
def with_store(payload: dict, context: Context) -> dict[str, object]:
    """Look into the store that it came from."""
    return look(context) | {"lone": context.settings["databases"] == {"app": "postgresql://h/app"}}


@handler("without_store", isolation="process", max_attempts=1)
def without_store(payload: dict, context: Context) -> dict[str, object]:
    """Cannot."""
    return {"named": [key for key in ("database_url", "direct_url") if context.settings.get(key)]}


@handler("shared", max_attempts=1)
def shared(payload: dict, context: Context) -> dict[str, object]:
    """Cannot, either."""
    return {"named": [key for key in ("database_url", "direct_url") if context.settings.get(key)]}
'''


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which pip has installed a package with a handler, without a network."""
    source, target = tmp_path_factory.mktemp("acme"), tmp_path_factory.mktemp("site")
    (source / "acme_jobs").mkdir()
    (source / "acme_jobs" / "__init__.py").touch()
    (source / "acme_jobs" / "reports.py").write_text(REPORTS)
    (source / "pyproject.toml").write_text(PROJECT)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    flags = ["--no-deps", "--no-build-isolation", "--no-index", "--target", str(target)]
    done = subprocess.run([*pip, *flags, str(source)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return target


def row(program: Program, *argv: str, **environ: str) -> dict[str, Any]:
    done = program(*argv, "-o", "json", **environ)
    assert done.code == 0, done.err
    found: dict[str, Any] = done.json["items"][0]
    return found


def test_an_installed_package_s_handlers_are_found_and_run(
    program: Program, shell_environ: dict[str, str], installed: Path
) -> None:
    """By its entry point, with no setting: listed, checked, run under name and alias; else it is not there."""
    assert program("handlers", "show", "acme_report").code == 2
    shell_environ |= {"PYTHONPATH": str(installed), "JOBSCHED_DB_DEFAULT": "postgresql://h/db"}
    listed = row(program, "handlers", "show", "acme_rep")
    assert (listed["name"], listed["queue"], listed["hidden"]) == ("acme_report", "acme", ["key"])
    assert listed["names"] == {"source": ["default"]}

    payload = {"month": "2026-03", "sellers": [{"name": "A"}], "key": "sesame"}
    one = program("submit", "acme_report", "--args", json.dumps(payload)).out.strip()
    two = program("submit", "acme_rep", "month=2026-04").out.strip()
    wrong = program("submit", "acme_report", "month=March", "sellers:=[{}]")
    assert wrong.code == 2
    assert "month" in wrong.err
    assert "sellers.0.name" in wrong.err
    assert program("worker", "--burst").code == 0
    done = row(program, "show", one)
    assert (done["state"], done["queue"], done["payload"]["key"]) == ("succeeded", "acme", "(hidden)")
    assert done["result"] == {"month": "2026-03", "sellers": 1, "key": 6}
    assert row(program, "show", two)["result"] == {"month": "2026-04", "sellers": 0, "key": 0}
    assert "month=2026-03" in program("logs", one).out


def test_a_module_is_found_by_its_name(program: Program, tmp_path: Path) -> None:
    """--import module, in the working directory, for submitter and worker alike."""
    (tmp_path / "mine.py").write_text(REPORTS)
    found = ("--import", "mine", "-q", "submit", "acme_report", "month=2026-03", "source=app")
    refused = program(*found)
    assert (refused.code, "no database is called 'app' — none is known" in refused.err) == (2, True)
    job_id = program(*found, JOBSCHED_DB_APP="postgresql://h/db").out.strip()
    assert program("--import", "mine", "worker", "--burst").code == 0
    assert row(program, "show", job_id)["state"] == "succeeded"


def test_the_store_is_open_to_those_who_declare_it(program: Program, tmp_path: Path) -> None:
    """Only a job of a type with store=True finds the store's URL in its settings; others find none."""
    (tmp_path / "mine.py").write_text(STORE)
    types = ("with_store", "without_store", "shared")
    ids = [program("--import", "mine", "-q", "submit", each).out.strip() for each in types]
    assert program("--import", "mine", "worker", "--burst", JOBSCHED_DB_APP="postgresql://h/app").code == 0
    results = [row(program, "show", job_id)["result"] for job_id in ids]
    assert results == [{"jobs": 3, "lone": True}, {"named": []}, {"named": []}]


TWICE = "\n@handler('acme_rep')\ndef second(payload: dict) -> None:\n    '''Another.'''\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import not_there_at_all", "the handler module broken does not import — ModuleNotFoundError"),
        ("def broken(:", "the handler module broken does not import — SyntaxError"),
        (REPORTS + TWICE, "two handlers are called 'acme_rep' — broken.acme_report and broken.second"),
        (
            REPORTS.replace("payload: Report, context: Context", ""),
            "handler acme_report: acme_report takes 0 param",
        ),
        (REPORTS.replace("payload: Report", "payload: int"), "handler acme_report: the payload parameter is annot"),
        (REPORTS.replace("payload: Report", "payload: Nowhere"), "does not import — NameError: name 'Nowhere'"),
        (REPORTS.replace('queue="acme"', "store=True"), 'store=True needs isolation="process"'),
        (REPORTS.replace('"databases"', '"nowhere"'), "'nowhere' is no table of the settings"),
        (REPORTS.replace('{"source":', '{"sauce":'), "there is no payload field 'sauce'"),
        (REPORTS.replace('"acme_report", ', '"acme report", '), "'acme report' is not a name"),
    ],
    ids=lambda value: value[:30].strip(),
)
def test_a_module_that_cannot_be_used_is_refused_in_one_line(
    program: Program, tmp_path: Path, text: str, said: str
) -> None:
    """By submit and worker alike, naming module or handler and what is wrong, without a traceback."""
    (tmp_path / "broken.py").write_text(text)
    for argv in (("handlers", "ls"), ("submit", "acme_report", "month=2026-03"), ("worker", "--burst")):
        done = program("--import", "broken", *argv)
        assert said in done.err, done.err
        assert "Traceback" not in done.err
        assert done.code == 78
