-- Lets parked jobs of one concurrency key into `ready`, as many as there are free turns: the queue's
-- key_limit less the jobs of the key that are in `ready` or leased now, which are counted where they
-- stand. Higher priorities first, then by age. Slots of jobs that stand in neither are swept away. A job
-- that somebody is moving at this moment is passed by, as whoever does so looks again after it; to wait for
-- him here could be for ever, since he takes jobs in the order of their ids.
with standing as materialized (
    select s.job_id,
           exists (select from jobsched.lease l where l.job_id = s.job_id)
           or exists (select from jobsched.ready r where r.job_id = s.job_id and r.seq <> r.job_id) as counts
    from jobsched.slot s
    where s.queue = %(queue)s and s.key = %(key)s
),
room as (
    select greatest(
        0,
        coalesce((select q.key_limit from jobsched.queue q where q.name = %(queue)s), 1)
        - (select count(*) from standing where counts)
    ) as free
),
taken as materialized (
    delete from jobsched.blocked
    where job_id = any (array(
        select b.job_id from jobsched.blocked b
        where b.queue = %(queue)s and b.key = %(key)s and b.parked
        order by b.priority, b.job_id
        limit (select free from room)
        for update skip locked
    ))
    returning job_id, queue, priority, key, attempt, crashes, losses, solo
),
swept as ( -- not those that are let in again now: that keeps their slots
    delete from jobsched.slot
    where job_id = any (array(select s.job_id from standing s where not s.counts except select t.job_id from taken t))
      and queue = %(queue)s and key = %(key)s -- still: it may be let in elsewhere at this moment
),
let_in as (
    insert into jobsched.slot (job_id, queue, key) select job_id, queue, key from taken
    on conflict (job_id) do update set queue = excluded.queue, key = excluded.key -- it has been moved
),
queued as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select t.queue, t.priority, nextval('jobsched.job_seq'), t.job_id, j.type, t.attempt, t.crashes, t.losses, t.solo
    from (select * from taken order by priority, job_id) t
    cross join lateral (select b.type from jobsched.job b where b.id = t.job_id offset 0) j
    returning job_id, queue, type
)
select job_id, queue, type from queued
