-- Seconds until the next delayed job is due (negative: overdue), or no value where none waits.
select extract(epoch from min(run_at) - clock_timestamp())::double precision as seconds from jobsched.delayed
