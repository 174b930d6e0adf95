-- What changes while one waits, by primary key alone.
select id, state, attempt, progress from jobsched.job_now where id = any (%(ids)b::bigint[])
