-- Workers that have not ended, oldest first.
select w.id, w.name, w.host, w.pid, w.version, w.queues, w.types,
       array(select k.type from jsonb_object_keys(w.schemas) k (type) where k.type <> all (w.types) order by 1) as withheld,
       w.concurrency, w.state, w.command, w.running,
       w.rss_bytes, w.lease_seconds, w.started_at, w.heartbeat_at, w.idle_since,
       extract(epoch from clock_timestamp() - w.heartbeat_at)::double precision as silent
from jobsched.worker w
where w.ended_at is null
order by w.id
