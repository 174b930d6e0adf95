"""`cron apply`, `export`, `import`: schedules in files."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobsched.cli.schedules.crontab import Taking, local_zone, take_crontab
from jobsched.core.model.errors import UsageError
from jobsched.tests.cli.conftest import Outcome

Cli = Callable[..., Outcome]
Terminal = Callable[..., tuple[int, str]]

FILE = """
[schedules.nightly]
expression = "0 3 * * *"
timezone = "Europe/Athens"
type = "email"
queue = "mails"
catchup = "last"
payload = { to = "ops@example.com", message = "Good morning" }

[schedules.poll]
expression = "@every 90s"
type = "noop"
overlap = "skip"
"""
CRONTAB = """\
# nightly work
SHELL=/bin/bash
PATH = "/opt/bin:/usr/bin"
MAILTO=ops@example.com

*/10 * * * *  /opt/bin/poll --all
CRON_TZ=Europe/Athens
0 3 * * 1-5   cd /srv && ./backup.sh > /dev/null 2>&1
@daily        mail -s 50\\% ops%first%second
"""
SYSTEM = """\
17 * * * * {me} cd / && run-parts --report /etc/cron.hourly
25 6 * * * somebody_else /usr/local/bin/report
@reboot {me} /usr/local/bin/hello
61 * * * * {me} true
"""


def changes(done: Outcome) -> dict[str, str]:
    """What was done to each schedule."""
    return {row["name"]: row["action"] for row in done.rows}


def items(cli: Cli) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in cli("cron", "ls", "-o", "json").json["items"]}


def test_a_file_is_applied_and_again_changes_nothing(cli: Cli, tmp_path: Path) -> None:
    """Added, unchanged; then what is another one is told by its name."""
    (tmp_path / "schedules.toml").write_text(FILE)
    done = cli("cron", "apply", "-f", "schedules.toml", "-o", "jsonl")
    assert (done.code, changes(done)) == (0, {"nightly": "added", "poll": "added"})
    assert "2 added" in done.err
    again = cli("cron", "apply", "-f", "schedules.toml", "-o", "jsonl")
    assert changes(again) == {"nightly": "unchanged", "poll": "unchanged"}
    assert {item["revision"] for item in items(cli).values()} == {1}
    (tmp_path / "schedules.toml").write_text(FILE.replace("0 3", "0 4").replace("mails", "letters"))
    (row, _) = cli("cron", "apply", "-f", "schedules.toml", "-o", "jsonl").rows
    assert (row["name"], row["action"], set(row["fields"])) == ("nightly", "changed", {"expression", "queue"})
    assert items(cli)["nightly"]["expression"] == "0 4 * * *"


def test_what_is_exported_is_taken_back_unchanged(cli: Cli) -> None:
    """Every option, payloads of every kind, hidden fields and hostile text among them."""
    cli(
        "cron", "add", "full", "*/5 8-17 * * mon-fri", "noop", "a:=[1, 2.5, true, {}]", "n:=null", "--tz",
        "Asia/Kolkata", "--jitter", "1500ms", "--start", "2026-01-01", "--end", "2040-01-01T00:00:00Z", "--catchup",
        "all", "--overlap", "buffer-one", "--queue", "q", "--priority", "low", "--max-attempts", "9", "--backoff",
        "linear:1.5s..20s", "--timeout", "90s", "--unique", "ü", "--concurrency-key", 'k"\\', "--tag", "t",
    )  # fmt: skip
    cli("cron", "add", "sh", "@hourly", "--env", "PASSWORD=sesame", "--", "printf", "%s\n\x1b[2J\u202e", "'\"\\")
    cli("cron", "add", "once", "--at", "2035-01-01T00:00:00Z", "noop")
    cli("cron", "add", "every", "@every 90s", "noop")
    before = items(cli)
    assert len(before) == 4
    text = cli("cron", "export").out
    assert "sesame" not in text
    done = cli("cron", "apply", "-f", "-", "--prune", "-o", "jsonl", stdin=text)
    assert done.code == 0, done.err
    assert changes(done) == dict.fromkeys(["every", "full", "once", "sh"], "unchanged")
    assert items(cli) == before
    assert cli("cron", "export", "once", "every").out.count("[schedules.") == 2


def test_what_was_exported_makes_the_same_schedules_elsewhere(cli: Cli, make_database: Callable[[], str]) -> None:
    """In an empty store; only what is hidden has to be given again."""
    cli("cron", "apply", "-f", "-", stdin=FILE)
    text = cli("cron", "export").out
    elsewhere = ["--database-url", make_database()]
    assert cli("cron", "apply", "-f", "-", *elsewhere, stdin=text).code == 0
    assert cli("cron", "export", *elsewhere).out == text
    cli("cron", "add", "sh", "@hourly", "--env", "PASSWORD=sesame", "--", "true")
    done = cli("cron", "apply", "-f", "-", *elsewhere, stdin=cli("cron", "export").out)
    assert (done.code, done.out) == (2, "")
    assert "schedule 'sh': the payload field env is '(hidden)'" in done.err
    assert "fix: give the value of env" in done.err


def test_a_dry_run_tells_what_would_become_of_each(cli: Cli) -> None:
    """And nothing becomes of any."""
    cli("cron", "add", "old", "@daily", "noop")
    done = cli("cron", "apply", "-f", "-", "--prune", "-n", "-o", "jsonl", stdin=FILE)
    assert (done.code, changes(done)) == (0, {"nightly": "added", "old": "removed", "poll": "added"})
    assert "nothing was changed" in done.err
    assert set(items(cli)) == {"old"}


def test_pruning_is_asked_about(cli: Cli, terminal: Terminal, tmp_path: Path) -> None:
    """Nobody named what it removes: --yes, or an answer; and a file without schedules never means all of them."""
    (tmp_path / "schedules.toml").write_text(FILE)
    cli("cron", "add", "old", "@daily", "noop")
    done = cli("cron", "apply", "-f", "schedules.toml", "--prune")
    assert (done.code, set(items(cli))) == (2, {"old"})
    assert "This removes 1 schedules." in done.err
    assert terminal("cron", "apply", "-f", "schedules.toml", "--prune", answer="n\n")[0] == 6
    assert set(items(cli)) == {"old"}
    assert terminal("cron", "apply", "-f", "schedules.toml", "--prune", answer="y\n")[0] == 0
    assert set(items(cli)) == {"nightly", "poll"}
    emptied = cli("cron", "apply", "-f", "-", "--prune", "-y", stdin="")
    assert (emptied.code, set(items(cli))) == (2, {"nightly", "poll"})
    assert cli("cron", "apply", "-f", "-", stdin="").code == 0


BAD_FILES = [
    (FILE + "[schedules.poll]\n", ["not TOML", "at line 14"]),
    (FILE + "x = \n", ["not TOML", "at line 14"]),
    (FILE + 'colour = "red"\n', ["schedule 'poll'", "no option 'colour'"]),
    (FILE + "[schedules.more]\n", ["schedule 'more'", "no expression"]),
    (FILE.replace("0 3", "0 33"), ["schedule 'nightly'", "hour 33: 0 to 23"]),
    (FILE.replace("@every 90s", "@every 0s"), ["schedule 'poll'", "at least a second"]),
    (FILE.replace("Athens", "Athen"), ["schedule 'nightly'", "no time zone 'Europe/Athen'"]),
    (FILE.replace("noop", "nop"), ["schedule 'poll'", "no handler is called 'nop'"]),
    (FILE.replace("to =", "too ="), ["schedule 'nightly'", "does not fit email"]),
    (FILE + 'start = 2030-01-01\nend = "2029-01-01"\n', ["schedule 'poll'", "comes before the start"]),
    (FILE + "jitter = -1\n", ["schedule 'poll'", "jitter"]),
    (FILE + "max_attempts = 101\n", ["schedule 'poll'", "must be 1 to 100"]),
]


@pytest.mark.parametrize(("text", "said"), BAD_FILES, ids=[said[-1] for _, said in BAD_FILES])
def test_a_file_with_a_fault_is_refused_whole(cli: Cli, text: str, said: list[str]) -> None:
    """Exit 2: the schedule or the line, and what is wrong with it; the good ones are not stored either."""
    done = cli("cron", "apply", "-f", "-", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert all(part in done.err.splitlines()[0] for part in said), done.err
    assert items(cli) == {}


def test_every_fault_of_a_file_is_told(cli: Cli) -> None:
    """Not one after the other."""
    done = cli("cron", "apply", "-f", "-", stdin=FILE.replace("0 3", "0 33").replace("noop", "nop"))
    assert done.code == 2
    assert "schedule 'nightly': hour 33" in done.err
    assert "schedule 'poll': no handler" in done.err
    assert "2 entries cannot be stored — nothing was" in done.err


def test_a_crontabs_lines_become_schedules(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shell, environment, zone and standard input as cron has them; one attempt, as cron makes one."""
    monkeypatch.setenv("TZ", "America/New_York")
    (tmp_path / "my.crontab").write_text(CRONTAB)
    done = cli("cron", "import", "my.crontab", "-o", "jsonl")
    assert done.code == 0, done.err
    assert set(changes(done).values()) == {"added"}
    assert "line 4: nobody is mailed" in done.err
    backup, mail, poll = (item for name, item in sorted(items(cli).items()))
    assert [item["name"].rpartition("-")[0] for item in (backup, mail, poll)] == [
        "my:cd-srv-.-backup.sh-dev-null-2-1", "my:mail-s-50-ops", "my:poll-all"
    ]  # fmt: skip
    assert (poll["expression"], poll["timezone"]) == ("*/10 * * * *", "America/New_York")
    assert (backup["expression"], backup["timezone"]) == ("0 3 * * 1-5", "Europe/Athens")
    assert {(item["type"], item["max_attempts"]) for item in (backup, mail, poll)} == {("command", 1)}
    assert backup["payload"]["argv"] == ["/bin/bash", "-c", "cd /srv && ./backup.sh > /dev/null 2>&1"]
    assert mail["payload"]["argv"][2] == "mail -s 50% ops"
    assert (poll["payload"]["env"], mail["payload"]["stdin"]) == ("(hidden)", "(hidden)")
    assert "cwd" in poll["payload"]


def test_the_same_crontab_again_changes_and_never_doubles(cli: Cli, tmp_path: Path) -> None:
    """Lines that moved, and a line with another time, are the schedules that they were."""
    (tmp_path / "my.crontab").write_text(CRONTAB)
    cli("cron", "import", "my.crontab")
    known = set(items(cli))
    (tmp_path / "my.crontab").write_text("# a comment\n\n" + CRONTAB.replace("*/10", "*/5"))
    again = changes(cli("cron", "import", "my.crontab", "-o", "jsonl"))
    assert sorted(again.values()) == ["changed", "unchanged", "unchanged"]
    assert set(again) == set(items(cli)) == known


def test_a_command_that_is_there_twice_is_two_schedules(cli: Cli) -> None:
    """Their order tells them apart."""
    done = cli("cron", "import", "-", "-q", stdin="0 1 * * * /bin/sync\n0 2 * * * /bin/sync\n")
    first, second = done.lines
    assert first.startswith("crontab:sync-")
    assert second == f"{first}-2"


def test_a_dry_run_prints_a_file_that_apply_takes(cli: Cli) -> None:
    """To be read, edited and kept; nothing is stored by it."""
    text = cli("cron", "import", "-", "-n", stdin=CRONTAB).out
    assert items(cli) == {}
    assert 'PATH = "/opt/bin:/usr/bin"' in text
    assert set(changes(cli("cron", "apply", "-f", "-", "-o", "jsonl", stdin=text)).values()) == {"added"}
    again = cli("cron", "import", "-", "-o", "jsonl", stdin=CRONTAB)
    assert set(changes(again).values()) == {"unchanged"}


def test_lines_that_cannot_be_taken_are_told_by_number(cli: Cli) -> None:
    """All of them, and no schedule is stored; --partial takes the others and is exit 5."""
    text = SYSTEM.format(me=getpass.getuser())
    done = cli("cron", "import", "-", "--system", stdin=text)
    assert (done.code, done.out, items(cli)) == (2, "", {})
    for said in ("line 2: it runs as somebody_else", "line 3: @reboot", "line 4: minute 61"):
        assert said in done.err
    partly = cli("cron", "import", "-", "--system", "--partial", "-q", stdin=text)
    assert partly.code == 5
    (name,) = partly.lines
    assert name.startswith("crontab:cd-run-parts-report-etc-cron.hourly-")
    assert "line 4: minute 61" in partly.err


def test_a_users_lines_can_be_had_alone(cli: Cli) -> None:
    """For a queue that a worker of that user serves; or everybody's, for one worker."""
    text = "1 1 * * * ann /bin/a\n2 2 * * * bob /bin/b\n"
    done = cli("cron", "import", "-", "--system", "--user", "bob", "-Q", "bobs", "-q", stdin=text)
    assert (done.code, len(done.lines)) == (0, 1)
    assert "1 lines of other users were left out" in done.err
    (item,) = items(cli).values()
    assert (item["payload"]["argv"][2], item["queue"]) == ("/bin/b", "bobs")
    assert len(cli("cron", "import", "-", "--system", "--any-user", "-q", stdin=text).lines) == 2


def test_a_copy_of_a_system_crontab_is_recognised() -> None:
    """A user's name is no program: which of the two it is has to be said. Its own place says it too."""
    text = "1 1 * * * root /bin/a\n"
    with pytest.raises(UsageError, match="is that a user field"):
        take_crontab(text, "copy", Taking())
    (schedule,) = take_crontab(text, "copy", Taking(system=False)).schedules
    assert schedule.job.payload["argv"] == ["/bin/sh", "-c", "root /bin/a"]
    for path in ("/etc/crontab", "/etc/cron.d/copy"):
        (schedule,) = take_crontab(text, path, Taking(any_user=True)).schedules
        assert schedule.job.payload["argv"] == ["/bin/sh", "-c", "/bin/a"]


def test_cron_reads_its_tables_in_this_machines_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ says which; where nothing does, --tz has to."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert local_zone() == "Asia/Kolkata"
    monkeypatch.setenv("TZ", ":Etc/UTC")
    assert local_zone() == "UTC"
