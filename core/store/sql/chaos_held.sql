-- Jobs that somebody holds, for whoever ends a run of chaos to release them.
select job_id from jobsched.blocked where held_at is not null order by job_id
