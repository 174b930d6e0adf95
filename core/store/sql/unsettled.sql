-- Blocked jobs that nobody has looked at since they were committed.
select job_id from jobsched.blocked where not settled and held_at is null order by job_id limit %(n)s
