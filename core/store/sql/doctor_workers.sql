-- Workers that have not ended, with what tells their processes from all others.
select w.id, w.name, w.version, w.host, w.boot_id, w.pid_namespace, w.pid, w.pid_start, w.lease_seconds,
       extract(epoch from clock_timestamp() - w.heartbeat_at)::float8 as silent,
       (select count(*) from jobsched.lease l where l.worker_id = w.id) as leases
from jobsched.worker w
where w.ended_at is null
order by w.id
limit 10000
