"""Measures this machine's jobsched against this machine's own raw Postgres, in one run."""
