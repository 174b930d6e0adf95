"""The folders of an embedded store, made before anybody can hold its lock."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from jobsched.core.model.errors import PermissionDenied
from jobsched.core.store.embedded import account, cluster
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
