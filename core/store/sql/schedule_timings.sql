-- What a scheduler has to know of schedules to decide their ticks: of some, or of all. One that is paused has none.
-- Bounds beyond the years that Python knows are shown as none, or as the last year: one such row must not keep others
-- from being read.
select id, name, expression, timezone,
       case when starts_at >= '0001-01-01 00:00Z' then least(starts_at, '9999-12-31 00:00Z') end as starts_at,
       case when ends_at <= '9999-12-31 23:59:59.999999Z' then greatest(ends_at, '0001-01-01 00:00Z') end as ends_at,
       created_at, jitter, catchup, overlap,
       unique_key is not null or concurrency_key is not null as keyed, paused_at is not null as paused, revision,
       (select r.decided_until from jobsched.frontier r where r.id = s.id) as decided_until
from jobsched.schedule s
where %(ids)s::bigint[] is null or id = any (%(ids)s)
