-- Gives a unique-while-active key, whose row is locked, to another job, unless the one that has it has not
-- ended: then no row comes back. (One that is not there has not got it: its idempotency key turned out to be
-- taken after it had taken this one.) The snapshot must be newer than the lock: whoever held the row before may
-- have been running its job again.
update jobsched.unique_active u set job_id = %(id)s
where u.key = %(unique_key)s
  and (
      exists (select from jobsched.outcome o where o.job_id = u.job_id)
      or not exists (select from jobsched.job j where j.id = u.job_id)
  )
returning u.job_id
