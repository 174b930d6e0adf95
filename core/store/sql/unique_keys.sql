-- The unique-while-active keys of jobs that have ended.
select j.id, j.unique_key from jobsched.job j
where j.id = any (%(ids)b::bigint[]) and j.unique_key is not null
  and exists (select from jobsched.outcome o where o.job_id = j.id)
