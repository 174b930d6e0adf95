-- Decides ticks of many schedules, and makes the jobs of those that fire: one statement, so that a tick and its
-- job come together, and so that a scheduler that stops in the middle of everything holds no lock.
--
-- A scheduler speaks for a schedule only if it knows it as it is: its revision and its frontier are compared, under a
-- lock on the schedule's row that nobody waits for: whoever holds it is deciding the same ticks. The frontier may be
-- another one by the time of the lock; then the ticks are known. Nothing is updated: ticks move the frontier. (But for
-- one that somebody backfilled before it was decided; never back.) What this database's clock does not find due yet is refused.
-- Where no frontier is given (somebody triggers or backfills) a pause or another revision is no hindrance.
--
-- A tick that is in `tick` already is left alone, but for a backfill, which lets those fire that did not. `skip` is
-- decided here: a tick makes no job while one of the newest hundred jobs of its schedule has not ended, nor beside
-- another one of this statement. What comes of the other overlaps, and jobs with keys, goes one schedule at a time
-- (tick_own.sql).
--
-- Absent values are '' (miss) and the first moment of the year 1 (frontiers, untils; ticks: now), as an array of
-- nulls has no type. What comes back: each schedule that was accepted, with each of its ticks that was written, if any.
with asked as materialized (
    select a.id, a.revision, nullif(a.frontier, '0001-01-01 00:00Z') as frontier,
           nullif(a.until, '0001-01-01 00:00Z') as until
    from unnest(
        %(ids)b::bigint[], %(revisions)b::bigint[], %(frontiers)b::timestamptz[], %(untils)b::timestamptz[]
    ) a (id, revision, frontier, until)
    order by a.id
),
owned as materialized (
    select a.id, a.frontier, a.until, case when a.frontier is null then %(by)s else s.updated_by end as submitter,
           s.name, s.overlap, s.queue, s.type, s.payload, s.priority, s.max_attempts,
           s.backoff_kind, s.backoff_base, s.backoff_cap, s.timeout, s.tags
    from asked a
    cross join lateral (
        select * from jobsched.schedule s
        where s.id = a.id
          and (a.frontier is null
               or s.revision = a.revision and s.paused_at is null
               and a.frontier = (select r.decided_until from jobsched.frontier r where r.id = a.id))
          and (a.until is null or a.until <= statement_timestamp())
        for no key update skip locked
    ) s
),
due as materialized (
    select t.id, coalesce(nullif(t.at, '0001-01-01 00:00Z'), statement_timestamp()) as at,
           nullif(t.miss, '') as miss, t.jitter
    from unnest(
        %(tick_ids)b::bigint[], %(ticks)b::timestamptz[], %(misses)b::text[], %(jitters)b::double precision[]
    ) t (id, at, miss, jitter)
    where coalesce(nullif(t.at, '0001-01-01 00:00Z') <= statement_timestamp(), true)
),
busy as materialized (
    select o.id, j.job_id
    from owned o
    cross join lateral (
        select n.job_id
        from (
            select t.job_id from jobsched.tick t
            where t.schedule_id = o.id and t.state = 'fired'
            order by t.scheduled_for desc
            limit 100
        ) n
        where exists (select from jobsched.job j where j.id = n.job_id offset 0)
          and not exists (select from jobsched.outcome e where e.job_id = n.job_id offset 0)
        limit 1
    ) j
    where o.overlap = 'skip' and o.frontier is not null
),
judged as materialized (
    select d.*, coalesce(
        d.miss,
        case
            when o.overlap <> 'skip' or o.frontier is null then null
            when b.job_id is not null then 'job ' || b.job_id || ' of an earlier tick has not ended'
            when row_number() over (partition by d.id, d.miss is null order by d.at) > 1
                then 'another tick was due with it'
        end
    ) as reason
    from due d
    join owned o on o.id = d.id
    left join busy b on b.id = d.id
),
drawn as materialized (
    select j.*, case when j.reason is null then nextval('jobsched.job_seq') end as job_id
    from (select * from judged order by at, id) j
),
noted as (
    insert into jobsched.tick as known (schedule_id, scheduled_for, state, decided_at, job_id, reason, by, origin)
    select id, at, case when reason is null then 'fired' when miss is null then 'skipped' else 'missed' end,
           statement_timestamp(), job_id, reason, %(by)s, %(origin)s
    from drawn
    order by id, at
    on conflict (schedule_id, scheduled_for) do update
        set state = excluded.state, decided_at = excluded.decided_at, job_id = excluded.job_id,
            reason = excluded.reason, by = excluded.by, origin = excluded.origin
        where excluded.origin = 'backfill' and known.state <> 'fired'
    returning schedule_id, scheduled_for, state, job_id, reason
),
moved as (
    update jobsched.schedule s set decided_until = o.until
    from owned o
    where s.id = o.id and o.until is not null and s.decided_until < o.until
      and not exists (select from noted n where n.schedule_id = o.id and n.scheduled_for = o.until)
),
fresh as materialized (
    select n.job_id, n.scheduled_for, o.*,
           n.scheduled_for + make_interval(secs => d.jitter) as due,
           n.scheduled_for + make_interval(secs => d.jitter) > statement_timestamp() as waits
    from noted n
    join owned o on o.id = n.schedule_id
    join drawn d on d.id = n.schedule_id and d.at = n.scheduled_for
    where n.job_id is not null
),
stored as (
    insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                              timeout, tags, submitter, schedule, scheduled_for)
    select job_id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags,
           submitter, name, scheduled_for
    from fresh
),
queued as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, job_id, job_id, type, 0, 0, 0, false from fresh where not waits
),
waiting as (
    insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
    select job_id, 'scheduled', due, 0, 0, 0, false from fresh where waits
)
select o.id, n.scheduled_for, n.state, n.job_id, n.reason, statement_timestamp(), o.queue, o.type, not f.waits
from owned o
left join noted n on n.schedule_id = o.id
left join fresh f on f.job_id = n.job_id
order by n.scheduled_for, o.id
