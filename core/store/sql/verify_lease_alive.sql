-- Leases of workers that ended, or fell silent, longer than their lease time and a minute ago, while another worker
-- lived that should have taken them back all that time. Where no worker lives, nobody has failed to.
--
-- `now()` is the beginning of the transaction: its snapshot is hardly younger, while the statement may be minutes.
with keeper as (
    select w.id, w.started_at
    from jobsched.worker w
    where w.ended_at is null and w.heartbeat_at > now() - make_interval(secs => w.lease_seconds)
),
gone as (
    select w.id, w.name, w.end_reason, coalesce(w.ended_at, w.heartbeat_at) as since,
           make_interval(secs => w.lease_seconds + 60) as patience
    from jobsched.worker w
    where coalesce(w.ended_at, w.heartbeat_at) < now() - make_interval(secs => w.lease_seconds + 60)
      and exists (
          select from keeper k
          where k.id <> w.id and k.started_at < now() - make_interval(secs => w.lease_seconds + 60)
      )
),
wrong as materialized (
    select l.job_id,
           format('worker %%s (%%s) %%s at %%s', g.id, g.name, coalesce(g.end_reason, 'was last heard of'),
                  to_char(g.since at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) as facts
    from jobsched.lease l
    join gone g on g.id = l.worker_id
    where l.job_id >= %(first)s and l.claimed_at < now() - g.patience
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
