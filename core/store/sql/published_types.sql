-- Job types that live workers know, with their payloads' JSON Schemas; of several, the newest worker's. A type
-- that runs programs is known also to workers that were not started with --allow-commands.
select distinct on (t.name) t.name, coalesce(w.schemas -> t.name, '{"type": "object"}')
from jobsched.worker w
cross join lateral (select unnest(w.types) union select jsonb_object_keys(w.schemas)) t (name)
where w.ended_at is null
  and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
order by t.name, w.id desc
