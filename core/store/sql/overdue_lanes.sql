-- Lanes whose first job has waited longer than %(age)s seconds. Each lane is read from its cursor on.
select k.queue, k.priority
from unnest(%(queues)b::text[], %(priorities)b::smallint[], %(cursors)b::bigint[]) k (queue, priority, after)
cross join lateral (
    select r.since from jobsched.ready r
    where r.queue = k.queue and r.priority = k.priority and r.seq > k.after
      and r.type = any (%(types)b::text[])
    order by r.seq
    limit 1
) first
where first.since < statement_timestamp() - make_interval(secs => %(age)s)
