-- Jobs as they stand, in one statement, so that none is seen between two states.
select
    id, type, state, queue, priority, payload, attempt, max_attempts, crashes, losses, backoff_kind, backoff_base,
    backoff_cap, timeout, tags, idempotency_key, submitter, created_at, run_at, started_at, finished_at, wait, run,
    worker, progress, progress_message, cancel_requested, result, error, fingerprint, unique_key, concurrency_key, held_by,
    parked, schedule, scheduled_for
from jobsched.job_now
where id = any (%(ids)b::bigint[])
