-- Who did what to which jobs, so that it can be undone. A job's row is written before it is touched, by a
-- statement of its own: it says where the job stood, not that the change came to pass.
create table jobsched.operation (
    id         bigint generated always as identity primary key,
    verb       text not null check (verb in ('cancel', 'retry', 'hold', 'release', 'discard')),
    by         text not null,
    selection  text not null,
    jobs       integer not null default 0, -- how many it was meant for
    started_at timestamptz not null default clock_timestamp(),
    undone_at  timestamptz,
    undone_by  text,
    check ((undone_at is null) = (undone_by is null))
);

create table jobsched.operation_job (
    operation_id bigint not null,
    job_id       bigint not null,
    state        text not null,
    attempt      smallint not null,
    crashes      smallint not null,
    losses       smallint not null,
    run_at       timestamptz,
    held_by      text,
    outcome      jsonb, -- its row of `outcome`, where the change takes that away or overwrites it
    primary key (operation_id, job_id)
);

-- Few of the jobs that wait for others are held or have a time, and lists ask for those that are and do.
create index blocked_held on jobsched.blocked (job_id) where held_by is not null;
create index blocked_run_at on jobsched.blocked (job_id) where run_at is not null;
