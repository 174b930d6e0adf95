-- Tells one worker that lives, by id or name (of several with one name, the newest), to drain or to
-- stop. Stop outranks drain: a later drain does not take it back.
with told as (
    update jobsched.worker
    set command = case when command = 'stop' then command else %(command)s end
    where id = (
        select max(w.id) from jobsched.worker w
        where w.ended_at is null
          and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
          and (w.id = %(id)s::bigint or w.name = %(name)s)
    )
    returning *
),
sent as (
    select pg_notify('jobsched_worker_' || id, 'command') from told
)
select w.id, w.name, w.host, w.pid, w.version, w.queues, w.types,
       array(select k.type from jsonb_object_keys(w.schemas) k (type) where k.type <> all (w.types) order by 1) as withheld,
       w.concurrency, w.state, w.command, w.running,
       w.rss_bytes, w.lease_seconds, w.started_at, w.heartbeat_at, w.idle_since,
       extract(epoch from clock_timestamp() - w.heartbeat_at)::double precision as silent
from told w
where (select count(*) from sent) > 0
