-- Jobs of any state, newest first, one page below %(before)s.
select
    id, type, state, queue, priority, payload, attempt, max_attempts, crashes, losses, backoff_kind, backoff_base,
    backoff_cap, timeout, tags, idempotency_key, submitter, created_at, run_at, started_at, finished_at, wait, run,
    worker, progress, progress_message, cancel_requested, result, error, fingerprint, unique_key, concurrency_key, held_by,
    parked, schedule, scheduled_for
from jobsched.job_now
where id = any (array(
    select j.id from jobsched.job j
    where j.id < %(before)s
      and (%(queue)s::text is null or j.queue = %(queue)s)
      and (%(type)s::text is null or j.type = %(type)s)
      and (%(tag)s::text is null or %(tag)s = any (j.tags))
      and (%(since)s::timestamptz is null or j.created_at >= %(since)s)
    order by j.id desc
    limit %(limit)s
))
order by id desc
