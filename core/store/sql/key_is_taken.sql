-- Whether an idempotency key leads to a job, and enqueue_blocked.sql would not take it over.
select i.job_id
from jobsched.idempotency i
where i.key = %(key)s
  and coalesce(i.expires_at > statement_timestamp(), true)
  and not exists (
      select from jobsched.outcome o
      where o.job_id = i.job_id and o.finished_at <= statement_timestamp() - make_interval(secs => %(window)s)
  )
