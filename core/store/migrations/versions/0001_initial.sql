-- A job's state is the table that its row is in. `job` holds what was asked and is never updated by
-- the hot path; `ready`, `delayed` and `lease` hold live jobs and are only inserted into and deleted
-- from; `outcome` holds finished ones; `blocked` those that wait for other jobs, for somebody who holds
-- them, or for a turn of their concurrency key. So nothing hot is updated and no index is churned.
--
-- submit ─→ ready | delayed | blocked   claim: ready → lease       end: lease → outcome | delayed | ready
-- promote: delayed → ready | blocked    requeue: outcome → ready   release: blocked → ready | delayed
-- exactly one of the five has the job

create schema if not exists jobsched;

-- Job ids and positions in `ready` come from this one sequence: a job stands at seq = its own id when
-- it is first queued, and at a newer number whenever it comes back, so it never hides behind a cursor.
create sequence jobsched.job_seq;

-- Lease tokens only grow, over all jobs: the newest token of a job is its owner.
create sequence jobsched.token_seq;

-- One row: what tells this store from every other one, in idempotency keys given to other services.
create table jobsched.store (
    only_row boolean primary key default true check (only_row),
    id       uuid not null default gen_random_uuid()
);
insert into jobsched.store default values;

create table jobsched.job (
    id              bigint primary key default nextval('jobsched.job_seq'),
    queue           text not null check (char_length(queue) between 1 and 128),
    type            text not null check (char_length(type) between 1 and 128),
    payload         jsonb not null check (jsonb_typeof(payload) = 'object'),
    priority        smallint not null check (priority between 0 and 3),
    max_attempts    smallint not null check (max_attempts between 1 and 100),
    backoff_kind    text not null check (backoff_kind in ('exponential', 'linear', 'fixed')),
    backoff_base    real not null check (backoff_base > 0),
    backoff_cap     real not null check (backoff_cap >= backoff_base),
    timeout         real check (timeout > 0),
    idempotency_key text,
    tags            text[] not null default '{}',
    submitter       text not null,
    created_at      timestamptz not null default statement_timestamp(),
    unique_key      text check (char_length(unique_key) between 1 and 255),
    concurrency_key text check (char_length(concurrency_key) between 1 and 255)
);

create table jobsched.idempotency (
    key          text primary key,
    job_id       bigint not null unique,
    payload_hash bytea not null check (octet_length(payload_hash) = 32),
    expires_at   timestamptz -- null while the job is in the store; set when retention deletes it
);
create index idempotency_expires_at on jobsched.idempotency (expires_at) where expires_at is not null;

create table jobsched.ready (
    queue    text not null,
    priority smallint not null check (priority between 0 and 3),
    seq      bigint not null,
    job_id   bigint not null,
    type     text not null,
    attempt  smallint not null check (attempt >= 0), -- attempts used up
    crashes  smallint not null check (crashes >= 0),
    losses   smallint not null check (losses >= 0),
    solo     boolean not null,                       -- must run alone: it may have killed its runner
    since    timestamptz not null default clock_timestamp(),
    primary key (queue, priority, seq),
    check (seq >= job_id)
);
-- A job that is queued for the first time is found by (queue, priority, seq = its id); only those
-- that came back need an index of their own.
create unique index ready_came_back on jobsched.ready (job_id) where seq <> job_id;

create table jobsched.delayed (
    job_id  bigint primary key,
    state   text not null check (state in ('scheduled', 'retrying')),
    run_at  timestamptz not null,
    attempt smallint not null check (attempt >= 0),
    crashes smallint not null check (crashes >= 0),
    losses  smallint not null check (losses >= 0),
    solo    boolean not null,
    check (state = 'scheduled' or attempt > 0)
);
create index delayed_run_at on jobsched.delayed (run_at);

-- Jobs that wait for something else than their time. What they wait for is not written down but looked
-- up: unmet rows of `dependency`, `held_at`, and the turn of their concurrency key. A row is locked
-- before it is moved, so two that move it do not disturb each other.
create table jobsched.blocked (
    job_id   bigint primary key,
    queue    text not null,
    priority smallint not null check (priority between 0 and 3),
    key      text,                                     -- its concurrency key
    run_at   timestamptz,                              -- not before this time, also once nothing blocks it
    attempt  smallint not null check (attempt >= 0),
    crashes  smallint not null check (crashes >= 0),
    losses   smallint not null check (losses >= 0),
    solo     boolean not null,
    since    timestamptz not null default clock_timestamp(),
    settled  boolean not null default false,           -- somebody has looked since its transaction was committed
    parked   boolean not null default false,           -- nothing but its key's turn is missing
    held_at  timestamptz,
    held_by  text,
    check ((held_at is null) = (held_by is null)),
    check (key is not null or not parked)
);
create index blocked_parked on jobsched.blocked (queue, key, priority, job_id) where parked;
create index blocked_unsettled on jobsched.blocked (job_id) where not settled;

-- `child` waits for `parent` to end as `condition` says: ok (succeeded), fail (dead or cancelled), any.
create table jobsched.dependency (
    child     bigint not null,
    parent    bigint not null check (parent < child), -- so there is no way round in a circle
    condition text not null check (condition in ('ok', 'fail', 'any')),
    met       boolean not null default false,
    primary key (child, parent)
);
create index dependency_unmet on jobsched.dependency (parent) where not met;

-- Which job has a unique key. The row stays when the job ends; the next submission takes the key over.
create table jobsched.unique_active (
    key    text primary key,
    job_id bigint not null unique
);

-- The jobs of a concurrency key that were let into `ready`. A row counts while its job is in `ready` or
-- has a lease, and is swept away when somebody else is let in, so there is nothing to leak.
create table jobsched.slot (
    job_id bigint primary key,
    queue  text not null,
    key    text not null
);
create index slot_key on jobsched.slot (queue, key);

create table jobsched.lease (
    job_id              bigint primary key,
    token               bigint not null,
    worker_id           bigint not null,
    attempt             smallint not null check (attempt >= 1), -- this one included
    crashes             smallint not null check (crashes >= 0),
    losses              smallint not null check (losses >= 0),
    solo                boolean not null,
    claimed_at          timestamptz not null default clock_timestamp(),
    queued_since        timestamptz not null,
    started_at          timestamptz,
    progress            real check (progress between 0 and 1),
    progress_message    text,
    cancel_requested_at timestamptz,
    cancel_requested_by text,
    limited             text -- its queue, if that had a limit when it was claimed
);
create index lease_limited on jobsched.lease (limited) where limited is not null;
create index lease_worker_id on jobsched.lease (worker_id);
create index lease_cancel on jobsched.lease (worker_id) where cancel_requested_at is not null;

create table jobsched.outcome (
    job_id      bigint primary key,
    state       text not null check (state in ('succeeded', 'dead', 'cancelled')),
    attempt     smallint not null check (attempt >= 0),
    crashes     smallint not null default 0,
    losses      smallint not null default 0,
    token       bigint,      -- of the lease that ended; null where no lease was held
    worker_id   bigint,
    xid         xid8 not null default pg_current_xact_id(),
    finished_at timestamptz not null default clock_timestamp(),
    wait        real,        -- seconds from queued to started
    run         real,        -- seconds that the last attempt ran
    result      jsonb,
    error       text,
    fingerprint text,
    check ((state = 'dead') = (error is not null) or state = 'cancelled'),
    check (state <> 'succeeded' or token is not null)
);
create index outcome_finished_at on jobsched.outcome (finished_at);
create index outcome_xid on jobsched.outcome (xid, job_id);
create index outcome_dead on jobsched.outcome (job_id) where state = 'dead';
create index outcome_cancelled on jobsched.outcome (job_id) where state = 'cancelled';

create table jobsched.attempt_log (
    token       bigint primary key, -- of the lease that ended
    job_id      bigint not null,
    attempt     smallint not null,
    kind        text not null check (kind in ('failed', 'timeout', 'crashed', 'lost')),
    error_class text,
    message     text,
    traceback   text,
    fingerprint text,
    worker_id   bigint,
    duration    real,
    signal      smallint,
    exit_code   smallint,
    memory_peak bigint,
    xid         xid8 not null default pg_current_xact_id(),
    finished_at timestamptz not null default clock_timestamp()
);
create index attempt_log_job_id on jobsched.attempt_log (job_id);
create index attempt_log_xid on jobsched.attempt_log (xid, token);
create index attempt_log_finished_at on jobsched.attempt_log (finished_at);

-- What a job said while it ran. `stream` is log, stdout or stderr.
create table jobsched.job_output (
    job_id  bigint not null,
    token   bigint not null,
    chunk   integer not null check (chunk >= 0),
    attempt smallint not null,
    stream  text not null check (stream in ('log', 'stdout', 'stderr')),
    at      timestamptz not null default clock_timestamp(),
    text    text not null,
    primary key (job_id, token, chunk)
);

create table jobsched.checkpoint (
    job_id bigint primary key,
    token  bigint not null,
    data   jsonb not null
);

create table jobsched.worker (
    id            bigint generated always as identity primary key,
    name          text not null,
    host          text not null,
    boot_id       text not null,
    pid_namespace bigint not null,
    pid           integer not null,
    pid_start     bigint not null,
    version       text not null,
    queues        text[],          -- null: every queue
    types         text[] not null, -- names and aliases that it runs
    schemas       jsonb not null,  -- type → JSON Schema of its payload
    concurrency   integer not null check (concurrency > 0),
    lease_seconds real not null check (lease_seconds > 0),
    started_at    timestamptz not null default clock_timestamp(),
    heartbeat_at  timestamptz not null default clock_timestamp(),
    idle_since    timestamptz not null default clock_timestamp(),
    state         text not null check (state in ('available', 'busy', 'draining', 'unavailable')),
    command       text check (command in ('drain', 'stop')),
    mark          text not null,   -- in the environment of every process that it started
    ended_at      timestamptz,     -- null while it lives; an ended worker never comes back under this id
    end_reason    text check (end_reason in ('stopped', 'lost')),
    running       integer not null default 0,
    rss_bytes     bigint not null default 0,
    check ((ended_at is null) = (end_reason is null))
) with (fillfactor = 50); -- updated in place every few seconds
-- Neither holds a column that a heartbeat writes: an index that did would be written every few seconds.
create index worker_alive on jobsched.worker (id) where ended_at is null;
create index worker_ended on jobsched.worker (ended_at) where ended_at is not null;

create table jobsched.queue (
    name         text primary key check (char_length(name) between 1 and 128),
    created_at   timestamptz not null default clock_timestamp(),
    paused_at    timestamptz,
    paused_by    text,
    pause_reason text,
    paused_until timestamptz, -- null: until somebody resumes it
    key_limit    integer not null default 1 check (key_limit > 0), -- jobs of one concurrency key at a time
    max_running  integer check (max_running > 0),           -- jobs at a time, counted from live leases
    rate         double precision check (rate > 0),         -- starts a second; a bucket of tokens:
    burst        integer not null default 1 check (burst > 0), -- how many it holds
    tokens       double precision not null default 0,       -- how many it held at `refilled_at`
    refilled_at  timestamptz not null default clock_timestamp(),
    limited      boolean not null generated always as (max_running is not null or rate is not null) stored,
    check (paused_at is not null or (paused_by is null and pause_reason is null and paused_until is null))
);

-- The payload fields of a type that nobody is shown: `job_now` hides them. Written by workers and
-- submitters that know the type, before its first job. Only ever added to: what was secret once stays so.
create table jobsched.secret (
    type  text,
    field text,
    primary key (type, field)
);

-- One row a file of archived jobs; it is written in the transaction that deletes them from here.
create table jobsched.archive (
    id             bigint generated always as identity primary key,
    job_id         bigint not null,                    -- of the job that wrote it
    number         integer not null check (number > 0), -- of the file, among those of its job
    bucket         text not null,
    key            text not null,
    format         text not null check (format in ('jsonl', 'json')),
    jobs           integer not null check (jobs > 0),
    bytes          bigint not null check (bytes > 0),
    sha256         text not null check (char_length(sha256) = 64),
    schema_version text not null,
    first_job      bigint not null,
    last_job       bigint not null check (last_job >= first_job),
    first_finished timestamptz not null,
    last_finished  timestamptz not null check (last_finished >= first_finished),
    created_at     timestamptz not null default clock_timestamp(),
    unique (job_id, number)
);

-- Jobs that came back from an archive, which retention and archival leave alone for a while.
create table jobsched.kept (
    job_id bigint primary key,
    until  timestamptz not null
);

-- Dead rows of the two tables through which every job passes are cleared early.
alter table jobsched.ready set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);
alter table jobsched.lease set (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 5000);

-- One row a job, with its state: what `show`, `ls` and people with psql read.
create view jobsched.job_now as
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
    b.parked
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
