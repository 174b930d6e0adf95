-- The schedules whose frontier is the oldest, but for those that are paused; the columns are those of schedule_timings.sql,
-- with the time of this database.
select id, name, expression, timezone,
       case when starts_at >= '0001-01-01 00:00Z' then least(starts_at, '9999-12-31 00:00Z') end as starts_at,
       case when ends_at <= '9999-12-31 23:59:59.999999Z' then greatest(ends_at, '0001-01-01 00:00Z') end as ends_at,
       created_at, jitter, catchup, overlap,
       unique_key is not null or concurrency_key is not null as keyed, false as paused, revision, decided_until,
       statement_timestamp()
from jobsched.schedule_now
where paused_at is null
order by decided_until
limit %(n)s
