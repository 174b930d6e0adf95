-- Rows of one store that are older than `age` (seconds), the oldest first, from behind the last one seen.
select job_id, applied_at, key from jobsched_tx.applied
where store_id = %(store_id)s and applied_at < now() - make_interval(secs => %(age)s)
  and (applied_at, job_id) > (%(applied_at)s, %(job_id)s)
order by applied_at, job_id
limit %(batch)s
