-- The schedules whose frontier is the oldest, but for those that are paused; the columns are those of schedule_timings.sql,
-- with the time of this database.
select id, name, expression, timezone, starts_at, ends_at, created_at, jitter, catchup, overlap,
       unique_key is not null or concurrency_key is not null as keyed, false as paused, revision, decided_until,
       statement_timestamp()
from jobsched.schedule_now
where paused_at is null
order by decided_until
limit %(n)s
