"""The worker: a keeper that speaks to the store, and runners that run jobs. One loop a file."""
