"""`submit`: what it stores and what it says."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from jobsched.cli import batch
from jobsched.core.model.errors import TryAgain
from jobsched.core.model.job import NewJob

Cli = Callable[..., Any]


def job(cli: Cli, job_id: str) -> dict[str, Any]:
    """The job as `show -o json` tells it."""
    found: dict[str, Any] = cli("show", job_id, "-o", "json").json["items"][0]
    return found


def payload_in(database_url: str, job_id: str) -> Any:
    """The payload as it is stored, which nobody but the store's owner can read."""
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select payload from jobsched.job where id = %s", (job_id,)).fetchone()
    assert row is not None
    return row[0]


def test_a_pipe_gets_the_bare_id(cli: Cli) -> None:
    """id=$(jobsched submit noop) is an id; stderr is empty."""
    done = cli("submit", "noop")
    assert (done.code, done.err) == (0, "")
    assert done.out.strip().isdecimal()
    assert done.out.endswith("\n")
    assert cli("-q", "submit", "noop").out.strip().isdecimal()


def test_every_option_reaches_the_job(cli: Cli) -> None:
    """Flags before and after, fields of all kinds."""
    done = cli(
        "submit", "noop", "a=1", "b:=[2]", "--queue", "emails", "--priority", "high", "--max-attempts", "7",
        "--backoff", "fixed:30s", "--timeout", "2m", "--in", "1h", "--key", "k1", "--tag", "x", "--tag", "y",
    )  # fmt: skip
    stored = job(cli, done.out.strip())
    assert stored["payload"] == {"a": "1", "b": [2]}
    assert (stored["queue"], stored["priority"], stored["max_attempts"]) == ("emails", "high", 7)
    assert (stored["backoff"], stored["timeout"], stored["state"]) == ("fixed:30s", 120.0, "scheduled")
    assert (stored["idempotency_key"], stored["tags"]) == ("k1", ["x", "y"])


def test_a_program_behind_two_dashes_becomes_a_command(cli: Cli, database_url: str) -> None:
    """Nothing behind -- is read as ours, not even a second -- or a flag of the same name."""
    done = cli(
        "submit", "-Q", "shell", "--env", "A=b=c", "--cwd", "/tmp", "--", "sh", "-c", "echo -- $A", "--", "--queue"
    )
    stored = job(cli, done.out.strip())
    assert stored["type"] == "command"
    assert stored["queue"] == "shell"
    assert stored["payload"]["argv"] == ["sh", "-c", "echo -- $A", "--", "--queue"]
    assert stored["payload"]["env"] == "(hidden)"
    assert stored["payload"]["cwd"] == "/tmp"
    assert payload_in(database_url, done.out.strip())["env"] == {"A": "b=c"}


def test_the_same_key_gives_the_same_job(cli: Cli) -> None:
    """Exit 0 and the same id; with another payload exit 4 and nothing new."""
    first = cli("submit", "noop", "--key", "k")
    again = cli("submit", "noop", "--key", "k")
    assert (again.code, again.out) == (0, first.out)
    other = cli("submit", "noop", "a=1", "--key", "k")
    assert (other.code, other.out) == (4, "")


def test_args_come_from_a_file_or_from_stdin(cli: Cli, tmp_path: Path) -> None:
    """--args @FILE and --args -."""
    (tmp_path / "p.json").write_text('{"a": "ü"}')
    assert job(cli, cli("submit", "noop", "--args", "@p.json").out.strip())["payload"] == {"a": "ü"}
    assert job(cli, cli("submit", "noop", "--args", "-", stdin='{"b": 2}').out.strip())["payload"] == {"b": 2}


def test_a_dry_run_shows_the_job_and_stores_nothing(cli: Cli) -> None:
    """Defaults are filled in; bad payloads are found."""
    done = cli("submit", "noop", "a=1", "--dry-run", "-o", "json")
    item = done.json["items"][0]
    assert (done.code, item["queue"], item["max_attempts"], item["payload"]) == (0, "default", 3, {"a": "1"})
    assert cli("submit", "image_resize", "nonsense=1", "-n").code == 2
    assert cli("ls", "--count").out == "0\n"


def test_an_unknown_type_needs_unchecked(cli: Cli) -> None:
    """--unchecked is for types that only a later worker will know."""
    assert cli("submit", "later_type").code == 2
    assert cli("submit", "later_type", "--unchecked").code == 0


def test_a_time_that_has_passed_is_pointed_out(cli: Cli) -> None:
    """The job is stored all the same: the time is only the earliest one."""
    done = cli("submit", "noop", "--at", "2020-01-01T00:00:00Z")
    assert done.code == 0
    assert "has passed" in done.err


def test_json_describes_the_submission(cli: Cli) -> None:
    """One envelope, one item, the id and whether the job is new."""
    done = cli("submit", "noop", "-o", "json")
    (item,) = done.json["items"]
    assert done.json["kind"] == "job.submitted.list"
    assert item == {"id": item["id"], "created": True, "state": "queued", "type": "noop"}


def test_help_of_a_type_lists_its_payload(cli: Cli) -> None:
    """`submit TYPE --help` names the fields and shows an example."""
    done = cli("submit", "image_resize", "--help")
    assert done.code == 0
    assert "sizes" in done.out
    assert "jobsched submit image_resize" in done.out


BATCH = (
    '{"type":"noop","payload":{"a":1},"priority":"low"}\n\n{"type":"nope"}\nnot json\n{"type":"noop","queue":"q2"}\n'
)


def test_a_batch_answers_line_by_line_in_order(cli: Cli) -> None:
    """One result a line, failures among them; exit 5 because some went well."""
    done = cli("submit", "--batch", "-", stdin=BATCH)
    assert done.code == 5
    assert [(row["i"], "id" in row, row.get("code")) for row in done.rows] == [
        (0, True, None),
        (2, False, "UNKNOWN_JOB_TYPE"),
        (3, False, "PAYLOAD_INVALID"),
        (4, True, None),
    ]
    assert cli("ls", "--count").out == "2\n"


def test_an_atomic_batch_is_stored_whole_or_not_at_all(cli: Cli) -> None:
    """A bad line anywhere stores nothing; the results say which lines are bad."""
    done = cli("submit", "--batch", "-", "--atomic", stdin=BATCH)
    assert done.code == 2
    assert sum("error" in row for row in done.rows) == 2
    assert cli("ls", "--count").out == "0\n"
    good = cli("submit", "--batch", "-", "--atomic", stdin='{"type":"noop"}\n' * 3)
    assert (good.code, len(good.rows)) == (0, 3)


def test_a_batch_of_one_type_may_be_bare_payloads(cli: Cli) -> None:
    """TYPE and options on the command line, payloads on the lines; ids only with -q."""
    done = cli("submit", "noop", "-Q", "bulk", "--batch", "-", "-q", stdin='{"a":1}\n{"a":2}\n')
    assert done.code == 0
    assert [job(cli, job_id)["payload"]["a"] for job_id in done.lines] == [1, 2]
    assert cli("ls", "--queue", "bulk", "--count").out == "2\n"


def test_a_batch_in_which_every_line_fails_has_their_code(cli: Cli) -> None:
    """Nothing was done, so 5 (partial) would be wrong."""
    assert cli("submit", "--batch", "-", stdin='{"type":"nope"}\n').code == 2


def test_a_large_batch_goes_in_chunks_and_keeps_its_order(cli: Cli) -> None:
    """More lines than fit one statement; conflicts inside find their own line."""
    lines = [json.dumps({"type": "noop", "payload": {"n": n}, "key": f"k{n % 1200}"}) for n in range(1201)]
    done = cli("submit", "--batch", "-", stdin="\n".join(lines))
    assert done.code == 5
    assert [row["i"] for row in done.rows] == list(range(1201))
    assert done.rows[1200]["code"] == "IDEMPOTENCY_CONFLICT"


def test_large_lines_go_in_smaller_chunks() -> None:
    """A thousand payloads of 1 MiB in one statement would take gigabytes here and in the store."""
    lines = [batch._Line(number, size=batch.CHUNK_BYTES // 4) for number in range(9)]
    assert [[line.number for line in chunk] for chunk in batch._chunks(iter(lines))] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8],
    ]


def test_a_batch_that_stops_being_readable_is_not_our_defect() -> None:
    """A disk, a network file system: the same call may work later."""

    class Failing(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, _: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.raises(TryAgain, match="the batch cannot be read"):
        list(batch._read(io.BufferedReader(Failing()), NewJob("noop")))


@pytest.mark.parametrize("line", ['{"type":"noop","colour":1}', "[]", '{"payload":{}}', '{"type":"noop","tags":"x"}'])
def test_a_batch_line_with_options_that_do_not_exist_is_refused(cli: Cli, line: str) -> None:
    """A misspelt option is not silently dropped."""
    done = cli("submit", "--batch", "-", stdin=line)
    assert done.code == 2
    assert done.rows[0]["error"]


def test_a_batch_line_that_is_not_utf8_is_refused_alone(cli: Cli) -> None:
    """The other lines go in."""
    done = cli("submit", "--batch", "-", stdin=b'{"type":"noop","payload":{"a":"\xff"}}\n{"type":"noop"}\n')
    assert done.code == 5
    assert "UTF-8" in done.rows[0]["error"]
