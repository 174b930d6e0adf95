"""`jobsched archive`: old jobs leave by a job, are found again, and come back, all from a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.tests.store.old_jobs import everything, many_old_jobs, old_job

Cli = Callable[..., Any]


@pytest.fixture
def archived(database_url: str, shell_environ: dict[str, str], cli: Cli, work: Callable[..., None]) -> list[int]:
    """Seven old jobs in three files, which a worker's job has written: their ids."""
    shell_environ["JOBSCHED_RETENTION_SUCCEEDED"] = shell_environ["JOBSCHED_RETENTION_DEAD"] = "0"
    with psycopg.connect(database_url, autocommit=True) as db:
        ids = [old_job(db, number, payload="{}", days=50 - number) for number in range(7)]
    job = cli("submit", "data_archival", "batch:=3").out.strip()
    work()
    assert cli("show", job, "-o", "json").json["items"][0]["result"]["jobs"] == 7
    return ids


def test_archives_are_listed_newest_first_in_every_format(archived: list[int], cli: Cli) -> None:
    """A page at a time; the fields are a promise."""
    found = cli("archive", "ls", "-o", "json").json
    assert (found["kind"], [item["jobs"] for item in found["items"]], found["next"]) == (
        "archive.list",
        [1, 3, 3],
        None,
    )
    assert list(found["items"][0]) == [
        "id", "jobs", "first_job", "last_job", "first_finished", "last_finished", "bytes", "created_at", "bucket",
        "key", "format", "job_id", "number", "sha256", "schema_version",
    ]  # fmt: skip
    ids = cli("archive", "ls", "-q").lines
    page = cli("archive", "ls", "-o", "json", "--limit", "2").json
    assert page["next"] == ids[1]
    assert cli("archive", "ls", "-q", "--before", ids[1]).lines == ids[2:]
    assert len(cli("archive", "ls").lines[0].split("\t")) == 11
    assert cli("archive", "ls", "--fields", "id,jobs").lines[-1] == f"{ids[-1]}\t3"


def test_what_is_in_an_archive_is_shown(archived: list[int], cli: Cli) -> None:
    """Its row, its jobs, and the file that a job is in."""
    *_, oldest = cli("archive", "ls", "-q").lines
    (row,) = cli("archive", "show", oldest, "-o", "jsonl").rows
    assert (row["first_job"], row["last_job"]) == (archived[0], archived[2])
    jobs = cli("archive", "show", oldest, "--jobs", "-o", "jsonl").rows
    assert [(job["id"], job["state"], job["type"]) for job in jobs] == list(
        zip(archived[:3], ("succeeded", "dead", "cancelled"), ["noop"] * 3, strict=True)
    )
    assert cli("archive", "show", "--job", str(archived[1]), "-q").lines == [oldest]
    missing = cli("archive", "show", "--job", "999")
    assert (missing.code, "is in no archive" in missing.err) == (3, True)
    assert cli("archive", "show").code == 2
    assert cli("archive", "show", oldest, "--job", "1").code == 2


def test_jobs_come_back_as_they_were(archived: list[int], cli: Cli, database_url: str) -> None:
    """One, then the rest of its file; what is there already is said, and no error."""
    *_, oldest = cli("archive", "ls", "-q").lines
    assert cli("show", str(archived[1])).code == 3
    done = cli("archive", "restore", oldest, "--job", str(archived[1]), "-o", "json").json["items"]
    assert done == [{"archive": int(oldest), "restored": 1, "existing": 0, "keys_taken": 0, "ids": [archived[1]]}]
    assert cli("show", str(archived[1]), "-o", "json").json["items"][0]["state"] == "dead"
    assert cli("archive", "restore", oldest).lines == [f"{oldest}\t2\t1\t0"]
    assert cli("archive", "restore", oldest, "--keep", "1h").lines == [f"{oldest}\t0\t3\t0"]
    with psycopg.connect(database_url) as db:
        assert len(everything(db, archived)["job"]) == 3
        question = "select count(*) from jobsched.kept where until > now() + interval '6 days'"
        assert db.execute(question).fetchone() == (3,)


def test_what_makes_no_sense_is_refused_with_a_fix(archived: list[int], cli: Cli) -> None:
    """An archive that is not there, a job that is not in it, a duration that is none; nothing is restored."""
    newest, *_ = cli("archive", "ls", "-q").lines
    for code, words in (
        (3, ("99",)), (2, ("x",)), (2, (newest, "--job", "x")), (2, (newest, "--keep", "soon")), (2, ()),
        (3, (newest, "--job", str(archived[0]))),
    ):  # fmt: skip
        refused = cli("archive", "restore", *words)
        assert (refused.code, refused.out, "fix:" in refused.err) == (code, "", True), words
    preview = cli("archive", "restore", newest, "--dry-run")
    assert (preview.code, "would restore 1 jobs" in preview.err) == (0, True)
    assert cli("show", str(archived[6])).code == 3


def test_a_file_that_was_changed_or_lost_is_found_and_not_restored(archived: list[int], cli: Cli, home: Path) -> None:
    """verify says which and exits 1; restore refuses it whole; the others are not touched."""
    newest, middle, oldest = cli("archive", "ls", "-q").lines
    assert (cli("archive", "verify").code, cli("archive", "verify", oldest).code) == (0, 0)
    rows = {str(row["id"]): row for row in cli("archive", "ls", "-o", "jsonl").rows}
    path = {each: home / "objects" / row["bucket"] / row["key"] for each, row in rows.items()}
    path[newest].unlink()
    data = bytearray(path[oldest].read_bytes())
    data[30] ^= 1
    path[oldest].write_bytes(data)
    done = cli("archive", "verify", "-o", "jsonl")
    assert done.code == 1
    assert {str(row["id"]): row["ok"] for row in done.rows} == {newest: False, middle: True, oldest: False}
    assert "1 of 3 archives are whole" in done.err
    for each in (newest, oldest):
        refused = cli("archive", "restore", each)
        assert (refused.code, refused.out) == (125, "")
        assert f"backup of its bucket, then: jobsched archive verify {each}" in refused.err
    error = json.loads(cli("archive", "restore", oldest, "-o", "json").err.splitlines()[-1])["error"]
    assert error["code"] == "ARCHIVE_BROKEN"
    assert cli("ls", "--state", "dead,cancelled", "-q").lines == []


def test_a_big_restore_is_confirmed(
    cli: Cli, work: Callable[..., None], database_url: str, shell_environ: dict[str, str]
) -> None:
    """Where nobody can be asked it needs --yes."""
    shell_environ["JOBSCHED_RETENTION_SUCCEEDED"] = "0"
    with psycopg.connect(database_url, autocommit=True) as db:
        many_old_jobs(db, 30)
    cli("submit", "data_archival")
    work()
    (only,) = cli("archive", "ls", "-q").lines
    refused = cli("archive", "restore", only)
    assert (refused.code, "add --yes" in refused.err) == (2, True)
    assert cli("archive", "restore", only, "--yes").lines == [f"{only}\t30\t0\t0"]


def test_without_archives_lists_are_empty(cli: Cli) -> None:
    """No error, and nothing broken."""
    assert cli("archive", "ls").out == ""
    assert cli("archive", "ls", "-o", "json").json["items"] == []
    assert cli("archive", "verify").code == 0


def test_a_person_is_told_in_words(archived: list[int], terminal: Callable[..., tuple[int, str]]) -> None:
    """Tables, and what became of the jobs."""
    code, shown = terminal("archive", "ls", columns=160)
    assert (code, "FIRST JOB" in shown) == (0, True)
    code, shown = terminal("archive", "restore", "1")
    assert (code, "3 jobs of archive 1 restored" in shown) == (0, True)
    code, shown = terminal("archive", "restore", "1")
    assert "3 were in the store already" in shown
