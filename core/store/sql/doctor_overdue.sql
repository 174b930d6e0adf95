-- Seconds by which the oldest delayed job is overdue; null where none waits.
select extract(epoch from clock_timestamp() - min(d.run_at))::float8 from jobsched.delayed d
