"""What only root can try out is collected for root alone. Workers are those of the fault suite."""

from __future__ import annotations

import os

from jobsched.tests.faults.conftest import fleet

__all__ = ["fleet"]

collect_ignore = (
    []
    if os.geteuid() == 0
    else [
        "test_chaos_system.py",
        "test_embedded_as_root.py",
        "test_failover.py",
        "test_hosts.py",
        "test_pgbouncer.py",
        "test_postfix.py",
        "test_store_under_load.py",
    ]
)
