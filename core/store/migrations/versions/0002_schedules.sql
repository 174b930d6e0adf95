-- Schedules make jobs at the ticks of a cron expression. A tick and its job are written in one transaction, and a
-- schedule has one row for each of its ticks, so no tick makes two jobs, whoever decides it.

-- Better no upgrade for now than a fleet that queues up behind somebody's long query.
set local lock_timeout = '5s';

-- Not looked at by anything that a worker does until the job is leased. Nobody pays for checking the jobs that are
-- there: they have neither.
alter table jobsched.job
    add column schedule text,
    add column scheduled_for timestamptz,
    add constraint job_schedule_check check ((schedule is null) = (scheduled_for is null)) not valid;

create table jobsched.schedule (
    id              bigint generated always as identity primary key,
    name            text not null unique check (char_length(name) between 1 and 128),
    expression      text not null check (char_length(expression) between 1 and 1000),
    timezone        text not null check (char_length(timezone) between 1 and 128),
    jitter          double precision not null check (jitter >= 0), -- seconds
    starts_at       timestamptz,
    ends_at         timestamptz check (ends_at >= starts_at),
    catchup         text not null check (catchup in ('none', 'last', 'all')),
    overlap         text not null check (overlap in ('allow', 'skip', 'buffer-one', 'cancel-other')),
    -- What each tick submits; see `job`. As precise as it was asked for, so that it can be compared.
    queue           text not null check (char_length(queue) between 1 and 128),
    type            text not null check (char_length(type) between 1 and 128),
    payload         jsonb not null check (jsonb_typeof(payload) = 'object'),
    priority        smallint not null check (priority between 0 and 3),
    max_attempts    smallint not null check (max_attempts between 1 and 100),
    backoff_kind    text not null check (backoff_kind in ('exponential', 'linear', 'fixed')),
    backoff_base    double precision not null check (backoff_base > 0),
    backoff_cap     double precision not null check (backoff_cap >= backoff_base),
    timeout         double precision check (timeout > 0),
    tags            text[] not null,
    unique_key      text check (char_length(unique_key) between 1 and 255),
    concurrency_key text check (char_length(concurrency_key) between 1 and 255),
    given           text[] not null, -- which of these options somebody chose; the others are the type's own
    created_at      timestamptz not null default clock_timestamp(),
    created_by      text not null,
    updated_at      timestamptz not null default clock_timestamp(),
    updated_by      text not null,
    revision        bigint not null default 1 check (revision > 0), -- grows with every change by people
    decided_until   timestamptz not null default clock_timestamp(), -- nothing before is to be decided; see `frontier`
    paused_at       timestamptz,
    paused_by       text,
    pause_reason    text,
    check ((paused_at is null) = (paused_by is null)),
    check (paused_at is not null or pause_reason is null)
);

create table jobsched.tick (
    schedule_id   bigint not null,
    scheduled_for timestamptz not null,
    state         text not null check (state in ('fired', 'skipped', 'missed')),
    decided_at    timestamptz not null default statement_timestamp(),
    job_id        bigint,
    reason        text,
    by            text not null, -- the scheduler, or who triggered or backfilled it
    origin        text not null check (origin in ('schedule', 'trigger', 'backfill')), -- trigger: scheduled_for is when
    primary key (schedule_id, scheduled_for),
    check (decided_at >= scheduled_for),
    check ((state = 'fired') = (job_id is not null)),
    check ((state = 'fired') = (reason is null))
);
-- The newest jobs of a schedule, past any number of ticks that were skipped because of them.
create index tick_fired on jobsched.tick (schedule_id, scheduled_for) include (job_id) where state = 'fired';
-- History of all schedules; retention.
create index tick_scheduled_for on jobsched.tick (scheduled_for);

-- Up to when all ticks of a schedule are decided: the newest that was decided when it was due, or `decided_until` where
-- that is later: it was made, changed or resumed then. So nothing is updated at a tick, and an old snapshot that
-- somebody holds makes deciding no slower. Hardly ever is the newest tick one that somebody triggered or backfilled. It
-- is looked at first, and by itself: with a condition on `origin` and no statistics, Postgres would sort them all.
create view jobsched.frontier as
select
    s.id,
    greatest(s.decided_until, coalesce(
        (
            select case when n.origin = 'schedule' then n.scheduled_for end
            from (
                select t.origin, t.scheduled_for from jobsched.tick t
                where t.schedule_id = s.id and t.scheduled_for <= statement_timestamp()
                order by t.scheduled_for desc
                limit 1
            ) n
        ),
        (
            select t.scheduled_for from jobsched.tick t
            where t.schedule_id = s.id and t.scheduled_for <= statement_timestamp() and t.origin = 'schedule'
            order by t.scheduled_for desc
            limit 1
        )
    )) as decided_until
from jobsched.schedule s;

-- One row a job, with its state: as before, and which tick of which schedule made it.
create or replace view jobsched.job_now as
select
    j.id, j.type, j.queue, j.priority,
    coalesce(
        j.payload || (
            select jsonb_object_agg(s.field, '(hidden)') from jobsched.secret s
            where s.type = j.type and j.payload ? s.field
        ),
        j.payload
    ) as payload,
    j.max_attempts, j.backoff_kind, j.backoff_base, j.backoff_cap,
    j.timeout, j.idempotency_key, j.tags, j.submitter, j.created_at,
    case
        when o.job_id is not null then o.state
        when l.job_id is not null then 'running'
        when r.job_id is not null then 'queued'
        when d.job_id is not null then d.state
        when b.job_id is not null then 'blocked'
    end as state,
    coalesce(o.attempt, l.attempt, r.attempt, d.attempt, b.attempt) as attempt,
    coalesce(o.crashes, l.crashes, r.crashes, d.crashes, b.crashes) as crashes,
    coalesce(o.losses, l.losses, r.losses, d.losses, b.losses) as losses,
    coalesce(d.run_at, b.run_at) as run_at,
    coalesce(l.started_at, l.claimed_at, o.finished_at - make_interval(secs => o.run)) as started_at,
    o.finished_at,
    coalesce(o.wait, extract(epoch from l.claimed_at - l.queued_since)) as wait,
    o.run,
    w.name as worker,
    l.token,
    l.progress,
    l.progress_message,
    l.cancel_requested_at is not null as cancel_requested,
    o.result,
    o.error,
    o.fingerprint,
    j.unique_key,
    j.concurrency_key,
    b.held_by,
    b.parked,
    j.schedule,
    j.scheduled_for
from jobsched.job j
left join jobsched.outcome o on o.job_id = j.id
left join jobsched.lease l on l.job_id = j.id
left join jobsched.delayed d on d.job_id = j.id
left join jobsched.blocked b on b.job_id = j.id
left join lateral (
    select f.job_id, f.attempt, f.crashes, f.losses from jobsched.ready f
    where f.queue = j.queue and f.priority = j.priority and f.seq = j.id
    union all
    select b.job_id, b.attempt, b.crashes, b.losses from jobsched.ready b
    where b.job_id = j.id and b.seq <> b.job_id
    limit 1
) r on true
left join jobsched.worker w on w.id = coalesce(o.worker_id, l.worker_id);

-- Schedules as they may be seen: with the payload fields hidden that `job_now` hides.
create view jobsched.schedule_now as
select
    s.id, s.name, s.expression, s.timezone, s.jitter, s.starts_at, s.ends_at, s.catchup, s.overlap,
    s.queue, s.type,
    coalesce(
        s.payload || (
            select jsonb_object_agg(x.field, '(hidden)') from jobsched.secret x
            where x.type = s.type and s.payload ? x.field
        ),
        s.payload
    ) as payload,
    s.priority, s.max_attempts, s.backoff_kind, s.backoff_base, s.backoff_cap, s.timeout, s.tags,
    s.unique_key, s.concurrency_key, s.given,
    s.created_at, s.created_by, s.updated_at, s.updated_by, s.revision,
    (select r.decided_until from jobsched.frontier r where r.id = s.id) as decided_until,
    s.paused_at, s.paused_by, s.pause_reason,
    f.scheduled_for as last_at,
    f.job_id as last_job
from jobsched.schedule s
left join lateral (
    select t.scheduled_for, t.job_id from jobsched.tick t
    where t.schedule_id = s.id and t.state = 'fired'
    order by t.scheduled_for desc
    limit 1
) f on true;

-- Viewers see new tables by themselves: of this one, all but the payload.
do $$
declare
    viewer text;
begin
    for viewer in
        select quote_ident(pg_get_userbyid(a.grantee))
        from pg_class c cross join lateral aclexplode(c.relacl) a
        where c.oid = 'jobsched.schedule'::regclass and a.privilege_type = 'SELECT'
          and a.grantee not in (0, c.relowner)
    loop
        execute format('revoke select on jobsched.schedule from %s', viewer);
        execute format(
            'grant select (id, name, expression, timezone, jitter, starts_at, ends_at, catchup, overlap, queue, type, '
            'priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, unique_key, '
            'concurrency_key, given, created_at, created_by, updated_at, updated_by, revision, decided_until, '
            'paused_at, paused_by, pause_reason) on jobsched.schedule to %s',
            viewer
        );
        execute format('grant select (schedule, scheduled_for) on jobsched.job to %s', viewer);
    end loop;
end
$$;
