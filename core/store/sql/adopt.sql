-- Reads leases that a worker holds without knowing it, because the answer to its claim was lost with
-- the connection. The columns and their order are those of claim.sql. Nothing is changed.
select
    l.token, l.job_id, j.type, j.queue, l.attempt, j.max_attempts, j.payload, j.timeout,
    date_part('epoch', l.claimed_at - l.queued_since) as waited,
    (select c.data::text from jobsched.checkpoint c where c.job_id = l.job_id) as checkpoint,
    j.schedule, j.scheduled_for, j.priority, 0::bigint as seq, l.crashes, l.losses, l.solo, j.backoff_kind, j.backoff_base, j.backoff_cap
from jobsched.lease l
cross join lateral (
    select b.type, b.queue, b.priority, b.max_attempts, b.payload::text as payload, b.timeout,
           b.backoff_kind, b.backoff_base, b.backoff_cap, b.schedule,
           date_part('epoch', b.scheduled_for) as scheduled_for
    from jobsched.job b where b.id = l.job_id
    offset 0
) j
where l.worker_id = %(worker_id)s and l.token = any (%(tokens)b::bigint[])
