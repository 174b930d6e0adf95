-- Gives jobs that were held a moment ago, and whose time somebody had not waited for, that time again.
update jobsched.blocked b
set run_at = i.run_at, attempt = i.attempt
from jobsched.operation_job i
where i.operation_id = %(operation)s and i.job_id = b.job_id and i.run_at is not null
  and b.attempt = i.attempt and b.held_by = %(by)s
  and b.job_id = any (array(
      select x.job_id from jobsched.blocked x where x.job_id = any (%(ids)b::bigint[]) order by x.job_id for update
  ))
returning b.job_id
