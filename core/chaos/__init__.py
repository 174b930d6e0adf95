"""Breaks a scratch store's workers, connections and server in every way that a plan names, under a
workload, and then proves from what everybody noted that no promise was broken.

plan.py says what is broken when (the same seed, the same plan); faults.py breaks it; jobs.py is the
workload, which tells a witness what it does; submitter.py submits it and notes every acknowledged id;
run.py puts them together; verdict.py compares the notes with the store.
"""
