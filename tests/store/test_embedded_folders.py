"""What an embedded store does before anybody can know of it: its folders are made, its server is launched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from jobsched.core import host
from jobsched.core.model.errors import PermissionDenied
from jobsched.core.store.embedded import account, cluster
from jobsched.core.store.embedded.postmaster import end_launched
from jobsched.core.store.embedded.record import Layout


def test_folders_that_several_make_at_the_same_instant_are_made_once(tmp_path: Path) -> None:
    """The lock lies in one of them, so they are made without it."""
    barrier, refused = threading.Barrier(4), []

    def make(home: Path) -> None:
        barrier.wait(10)
        try:
            cluster.prepare_folders(Layout(home), account.Account("me", os.geteuid(), os.getegid(), False))
        except PermissionDenied as error:
            refused.append(error.message)

    for number in range(50):
        threads = [threading.Thread(target=make, args=(tmp_path / str(number),)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert refused == []


def test_a_server_that_was_just_launched_is_asked_to_end_until_it_hears() -> None:
    """While it is still the shell that starts it, SIGINT is ignored; asked once, it would go on unknown to anybody."""
    deaf_at_first = (
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); "
        "time.sleep(0.2); signal.signal(signal.SIGINT, signal.SIG_DFL); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", deaf_at_first], stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"deaf\n"
        end_launched(process.pid, host.process_start(process.pid) or 0)
        assert process.wait() == -signal.SIGINT
