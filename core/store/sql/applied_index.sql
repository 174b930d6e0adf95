-- For `jobsched db-tx prune`.
create index if not exists applied_by_age on jobsched_tx.applied (store_id, applied_at, job_id)
