-- Lanes with jobs whose first one has waited longer than %(age)s seconds (0: at all, whatever the clock was when it
-- came); none of paused queues. Each lane is read from its cursor on.
with lane as materialized (
    select k.queue, k.priority, k.after
    from unnest(%(queues)b::text[], %(priorities)b::smallint[], %(cursors)b::bigint[]) k (queue, priority, after)
    where not exists (
        select from jobsched.queue q
        where q.name = k.queue
          and q.paused_at is not null and (q.paused_until is null or q.paused_until > statement_timestamp())
    )
)
select k.queue, k.priority
from lane k
cross join lateral (
    select r.since from jobsched.ready r
    where r.queue = k.queue and r.priority = k.priority and r.seq > k.after
      and r.type = any (%(types)b::text[])
    order by r.seq
    limit 1
) first
where %(age)s <= 0 or first.since <= statement_timestamp() - make_interval(secs => %(age)s)
