create schema if not exists jobsched_tx
