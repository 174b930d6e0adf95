"""What a job is, in plain values: standard library only, no store, no screen."""
