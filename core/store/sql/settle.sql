-- Looks at blocked jobs, and moves those that nobody holds and nothing blocks any more. A dependency whose
-- parent ended as asked is met for good, whatever becomes of the parent later; also that of a held job, whose
-- parent may be gone by the time it is released.
--   cancelled  a parent ended in another way than was asked for, or is gone
--   blocked    a parent has not ended
--   delayed    its time has not come
--   parked     only its concurrency key's turn is missing: admit.sql
--   queued     ready, at the end of its lane
-- What comes back is what each job became. The end of a parent that commits meanwhile is not seen; whoever
-- commits it looks for children afterwards, in a snapshot of its own.
with mine as materialized (
    select b.* from jobsched.blocked b
    where b.job_id = any (%(ids)b::bigint[])
    order by b.job_id
    for update
),
known as materialized (
    select d.child, d.parent, coalesce(o.state, case when j.id is null then 'gone' end) as ended,
           coalesce(
               case d.condition
                   when 'ok' then o.state = 'succeeded'
                   when 'fail' then o.state in ('dead', 'cancelled')
                   else o.state is not null or j.id is null
               end,
               false
           ) as fits
    from (select d.* from jobsched.dependency d
          where d.child = any (array(select job_id from mine)) and not d.met) d
    left join lateral (select o.state from jobsched.outcome o where o.job_id = d.parent offset 0) o on true
    left join lateral (select j.id from jobsched.job j where j.id = d.parent offset 0) j on true
),
met as (
    update jobsched.dependency d set met = true
    from known k
    where k.fits and d.child = k.child and d.parent = k.parent
),
judged as materialized (
    select
        m.*, j.type, f.parent as failed_parent, f.ended as failed_end,
        case
            when f.parent is not null then 'cancelled'
            when exists (select from known k where k.child = m.job_id and not k.fits) then 'blocked'
            when m.run_at > statement_timestamp() then 'delayed'
            when m.key is not null then 'parked'
            else 'queued'
        end as next
    from mine m
    cross join lateral (select b.type from jobsched.job b where b.id = m.job_id offset 0) j
    left join lateral (
        select k.parent, k.ended from known k
        where k.child = m.job_id and k.ended is not null and not k.fits
        order by k.parent
        limit 1
    ) f on true
    where m.held_at is null
),
gone as (
    delete from jobsched.blocked
    where job_id = any (array(select job_id from judged where next in ('cancelled', 'delayed', 'queued')))
),
kept as (
    update jobsched.blocked b set settled = true, parked = (k.next = 'parked')
    from judged k
    where k.next in ('blocked', 'parked') and b.job_id = k.job_id and not (b.settled and b.parked = (k.next = 'parked'))
),
waiting as (
    insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
    select job_id, case when attempt > 0 then 'retrying' else 'scheduled' end, run_at, attempt, crashes, losses, solo
    from judged where next = 'delayed'
),
queued as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, nextval('jobsched.job_seq'), job_id, type, attempt, crashes, losses, solo
    from (select * from judged where next = 'queued' order by job_id) q
),
ended as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, error)
    select job_id, 'cancelled', attempt, crashes, losses,
           case failed_end when 'gone' then 'job ' || failed_parent || ', after which it was to run, is no longer in the store'
                           else 'job ' || failed_parent || ', after which it was to run, ended ' || failed_end end
    from judged where next = 'cancelled'
)
select job_id, next, queue, type, key from judged
