"""`jobsched demo`: real work in a store of its own, and nothing left behind."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from jobsched.tests.cli.schemas import validate

JOBSCHED = [sys.executable, "-m", "jobsched.cli"]
ELSEWHERE = {
    "JOBSCHED_DATABASE_URL": "postgresql://nobody:hunter2@127.0.0.1:1/configured",
    "JOBSCHED_S3_ENDPOINT": "http://127.0.0.1:1",
    "JOBSCHED_S3_ACCESS_KEY": "key",
    "JOBSCHED_S3_SECRET_KEY": "hunter2",
    "JOBSCHED_IMPORTS": "no.such.module",
}
"""A configured store, object store and module: to touch any of them would fail."""


@pytest.fixture
def environment(tmp_path: Path, run_folder: Path) -> dict[str, str]:
    """Everything configured elsewhere; temporary folders where the server's account can reach them."""
    (run_folder / "demo").mkdir(mode=0o755, exist_ok=True)
    return {**os.environ, **ELSEWHERE, "TMPDIR": str(run_folder / "demo"), "XDG_CONFIG_HOME": str(tmp_path)}


@pytest.fixture
def folder(run_folder: Path, request: pytest.FixtureRequest) -> Path:
    """A name for a folder that is not there yet."""
    return run_folder / f"demo-{request.node.name}-{os.getpid()}"


def left_running(folder: Path) -> dict[int, str]:
    """Processes that have to do with `folder`: pid and command line."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                found[int(entry.name)] = line
    return found


@contextmanager
def beside(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """A program that runs while the block does; a test that fails does not wait for its end."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_nothing_runs(folder: Path) -> None:
    """The worker that was told to stop is nobody's child here; the kernel still tells when it ends."""
    for pid in left_running(folder):
        with suppress(ProcessLookupError):
            ending = os.pidfd_open(pid)
            try:
                assert select.select([ending], [], [], 30)[0], f"process {pid} goes on"
            finally:
                os.close(ending)
    assert left_running(folder) == {}


def test_everything_ends_as_expected_and_nothing_is_left_running(environment: dict[str, str]) -> None:
    """The files open and hold what they should; the scratch store is gone, the files stay."""
    done = subprocess.run([*JOBSCHED, "demo", "-o", "json"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert validate(json.loads(done.stdout)) == "demo.list"
    items = json.loads(done.stdout)["items"]
    ends = [(item["type"], item["state"], item["attempt"], item["problem"]) for item in items]
    assert ends == [
        ("pdf_invoice", "succeeded", 1, ""),
        ("image_resize", "succeeded", 1, ""),
        ("command", "succeeded", 1, ""),
        ("http_call", "succeeded", 2, ""),
        ("db_tx", "succeeded", 1, ""),
        ("fail", "succeeded", 3, ""),
        ("fail", "dead", 2, ""),
        ("email", "succeeded", 1, ""),
        ("data_archival", "succeeded", 1, ""),
    ]
    assert [item["came_of_it"] for item in items[3:5]] == ['status 201: {"order": 1042}', "UPDATE 1, now [[7]]"]
    assert max(len(item["what"]) for item in items) <= 30, "a table of 80 columns shortens it"
    assert items[7]["came_of_it"] == "to buyer@example.com"
    assert items[8]["came_of_it"].startswith("3 jobs in archive/jobs/")
    text = "\n".join(page.extract_text() for page in PdfReader(items[0]["files"][0]).pages)
    assert "Total 2,280.71 EUR" in text
    assert len(PdfReader(items[0]["files"][0]).pages[0].images) == 1
    sizes = []
    for path in items[1]["files"]:
        with Image.open(path) as image:
            image.load()
            sizes.append((image.format, image.size))
    assert sizes == [("JPEG", (1200, 800)), ("WEBP", (640, 427)), ("JPEG", (320, 320))]
    folder = Path(items[0]["files"][0]).parents[3]
    assert sorted(entry.name for entry in folder.iterdir()) == ["objects", "outbox"]
    assert left_running(folder) == {}
    for path in [*items[0]["files"], *items[1]["files"]]:
        assert path in done.stderr
    assert "hunter2" not in done.stderr + done.stdout


def test_keep_leaves_a_store_that_other_commands_can_use(environment: dict[str, str], folder: Path) -> None:
    """With what it printed: the store, the worker, the dead letter, and the end of both."""
    done = subprocess.run(
        [*JOBSCHED, "demo", "--keep", "--store", str(folder)], env=environment, capture_output=True, text=True
    )
    try:
        assert done.returncode == 0, done.stderr
        assert f"export JOBSCHED_HOME={folder} JOBSCHED_DATABASE_URL=" in done.stderr
        kept = {**environment, "JOBSCHED_HOME": str(folder), "JOBSCHED_DATABASE_URL": "", "JOBSCHED_IMPORTS": ""}

        def say(*words: str) -> str:
            return subprocess.run([*JOBSCHED, *words], env=kept, capture_output=True, text=True, check=True).stdout

        assert len(say("ls", "-q").split()) == 10
        assert say("logs", "3").count("line ") == 5
        assert "demo" in say("workers", "ls")
        say("submit", "noop", "--wait")
        number = say("submit", "--", "sh", "-c", "trap 'echo bye; exit' TERM; echo up; sleep 100 & wait").strip()
        follow = [*JOBSCHED, "logs", "-f", number]
        with beside(follow, kept) as log:
            assert log.stdout
            assert log.stdout.readline() == "up\n"
            say("cancel", number)
            assert log.stdout.read() == "bye\n"
            assert log.wait(60) == 1
        again = subprocess.run(
            [*JOBSCHED, "demo", "--store", str(folder)], env=environment, capture_output=True, text=True
        )
        assert again.returncode == 0, again.stderr
        assert "demo" in say("workers", "ls")
        say("workers", "stop", "demo")
        say("db", "down")
        wait_until_nothing_runs(folder)
    finally:
        for pid in left_running(folder):
            os.kill(pid, signal.SIGKILL)


def test_a_demo_that_is_terminated_cleans_up(environment: dict[str, str], folder: Path) -> None:
    """As after Ctrl-C: worker and store are stopped."""
    command = [*JOBSCHED, "demo", "--store", str(folder)]
    with beside(command, environment) as demo:
        assert demo.stderr
        for line in demo.stderr:
            if "running" in line:
                break
        demo.send_signal(signal.SIGTERM)
        demo.stderr.read()
        assert demo.wait(60) == 130
    assert left_running(folder) == {}


def test_a_folder_with_something_else_in_it_is_refused(environment: dict[str, str], folder: Path) -> None:
    """And so is the one where the user's own store is."""
    folder.mkdir()
    (folder / "thesis.txt").write_text("precious")
    own = folder.parent / f"{folder.name}-own"
    for store, home in ((folder, "/nowhere"), (folder / "thesis.txt", "/nowhere"), (own, str(own))):
        done = subprocess.run(
            [*JOBSCHED, "demo", "--store", str(store)],
            env={**environment, "JOBSCHED_HOME": home},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        assert "name a" in done.stderr
    assert [entry.name for entry in folder.iterdir()] == ["thesis.txt"]
    assert not own.exists()
