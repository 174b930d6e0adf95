-- What a scheduler has to know of schedules to decide their ticks: of some, or of all. One that is paused has none.
select id, name, expression, timezone, starts_at, ends_at, created_at, jitter, catchup, overlap,
       unique_key is not null or concurrency_key is not null as keyed, paused_at is not null as paused, revision,
       (select r.decided_until from jobsched.frontier r where r.id = s.id) as decided_until
from jobsched.schedule s
where %(ids)s::bigint[] is null or id = any (%(ids)s)
