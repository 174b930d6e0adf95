-- Job types that live workers run, with their payloads' JSON Schemas; of several, the newest worker's.
select distinct on (t.name) t.name, coalesce(w.schemas -> t.name, '{"type": "object"}')
from jobsched.worker w cross join lateral unnest(w.types) t (name)
where w.ended_at is null
  and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
order by t.name, w.id desc
