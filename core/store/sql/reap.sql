-- Second statement of the reaper, in the same transaction but with a fresh snapshot: takes the leases
-- of workers that have ended, including those that were claimed while the first statement ran.
-- A job goes back to its lane with its attempt unspent and one loss more; at the loss limit it is
-- dead; if somebody had asked to cancel it, it is cancelled. Leases that a completion holds at this
-- moment are skipped: the next pass sees what became of them. Looking only at workers that ended
-- lately keeps a pass cheap while somebody holds an old snapshot; a thorough one now and then finds
-- the leases of a claim that was held up for longer, and those of workers whose row somebody deleted.
-- Worker by worker, so that nothing is read where none has ended.
with gone as materialized (
    delete from jobsched.lease
    where job_id = any (array(
        select held.job_id
        from (
            select w.id from jobsched.worker w
            where w.ended_at > case
                when %(thorough)s then '-infinity'
                else statement_timestamp() - make_interval(secs => %(ended_within)s)
            end
            union all
            select distinct o.worker_id from jobsched.lease o
            where %(thorough)s and not exists (select from jobsched.worker w where w.id = o.worker_id)
        ) ended
        cross join lateral (
            select l.job_id from jobsched.lease l where l.worker_id = ended.id for update skip locked
        ) held
        limit %(n)s
    ))
    returning job_id, token, worker_id, attempt, crashes, losses, solo, claimed_at, started_at, queued_since,
              cancel_requested_at, cancel_requested_by
),
found as materialized (
    select
        g.*, j.queue, j.priority, j.type,
        case
            when g.cancel_requested_at is not null then 'cancelled'
            when g.losses + 1 >= %(lost_limit)s then 'dead'
            else 'queued'
        end as next,
        extract(epoch from clock_timestamp() - coalesce(g.started_at, g.claimed_at)) as ran,
        'lost with its worker ' || coalesce((select w.name from jobsched.worker w where w.id = g.worker_id), '?') as message
    from gone g
    cross join lateral (select b.queue, b.priority, b.type from jobsched.job b where b.id = g.job_id offset 0) j
),
logged as (
    insert into jobsched.attempt_log (token, job_id, attempt, kind, error_class, message, fingerprint, worker_id, duration)
    select token, job_id, attempt, 'lost', 'WorkerLost', message, 'worker-lost', worker_id, ran from found
),
again as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, nextval('jobsched.job_seq'), job_id, type, attempt - 1, crashes, losses + 1, solo
    from found where next = 'queued'
),
finished as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, wait, run, error, fingerprint)
    select job_id, next, attempt, crashes, losses + 1, token, worker_id,
           extract(epoch from claimed_at - queued_since), ran,
           case next when 'dead' then 'WorkerLost: ' || message || ', ' || (losses + 1) || ' times in all'
                     else 'cancelled by ' || coalesce(cancel_requested_by, '?') end,
           case next when 'dead' then 'worker-lost' end
    from found where next in ('dead', 'cancelled')
)
select queue, type, priority, next, count(*) as jobs from found group by queue, type, priority, next
