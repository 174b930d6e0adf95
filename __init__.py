"""jobsched: a terminal-first job scheduler over one Postgres."""
