-- Takes up to %(n)s ready jobs and leases them to a worker.
--
-- The lanes (queue, priority, cursor) come in the order of preference. Each lane is read from its
-- cursor on, so a claim never walks over the dead rows that somebody's old snapshot keeps in `ready`.
-- The token is drawn in a CTE of its own: joining the rows that the insert returns would be
-- quadratic. The lateral with `offset 0` keeps the payloads' lookup by primary key, whatever the
-- statistics say. The columns are those of leases.Claimed, in its order. A worker that was declared dead claims nothing.
-- A queue with limits is passed over, unless %(limited)s names it: then the caller holds its row, and has
-- counted how many may be taken (limit_room.sql).
with lane as materialized (
    select k.queue, k.priority, k.after
    from unnest(%(queues)b::text[], %(priorities)b::smallint[], %(cursors)b::bigint[]) k (queue, priority, after)
    where not exists (
        select from jobsched.queue q
        where q.name = k.queue
          and (
              q.limited and %(limited)s::text is null
              or q.paused_at is not null and (q.paused_until is null or q.paused_until > statement_timestamp())
          )
    )
    and exists (select from jobsched.worker w where w.id = %(worker_id)s and w.ended_at is null)
),
taken as materialized (
    delete from jobsched.ready
    where ctid = any (array(
        select r.ctid
        from lane
        cross join lateral (
            select c.ctid from jobsched.ready c
            where c.queue = lane.queue and c.priority = lane.priority and c.seq > lane.after
              and c.type = any (%(types)b::text[]) and (not c.solo or %(solo)s)
            order by c.seq
            limit %(n)s
            for update skip locked
        ) r
        limit %(n)s
    ))
    returning queue, priority, seq, job_id, type, attempt, crashes, losses, solo, since
),
owned as materialized (
    select t.*, nextval('jobsched.token_seq') as token from taken t
),
leased as (
    insert into jobsched.lease (job_id, token, worker_id, attempt, crashes, losses, solo, queued_since, limited)
    select job_id, token, %(worker_id)s, attempt + 1, crashes, losses, solo, since, %(limited)s from owned
)
select
    o.token, o.job_id, o.type, o.queue, o.attempt + 1 as attempt, j.max_attempts, j.payload, j.timeout,
    date_part('epoch', clock_timestamp() - o.since) as waited,
    case when o.attempt + o.crashes + o.losses > 0 or o.seq <> o.job_id then
        (select c.data::text from jobsched.checkpoint c where c.job_id = o.job_id)
    end as checkpoint,
    j.schedule, j.scheduled_for, o.priority, o.seq, o.crashes, o.losses, o.solo, j.backoff_kind, j.backoff_base, j.backoff_cap
from owned o
cross join lateral (
    select b.payload::text as payload, b.timeout, b.max_attempts, b.backoff_kind, b.backoff_base, b.backoff_cap,
           b.schedule, date_part('epoch', b.scheduled_for) as scheduled_for
    from jobsched.job b where b.id = o.job_id
    offset 0
) j
