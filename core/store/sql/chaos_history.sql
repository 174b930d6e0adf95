-- For a store of `jobsched chaos` alone: writes down, in the transaction that does it, who got a lease,
-- who lost it, and when an outcome came or went. What was undone leaves no line; what happened cannot
-- be without one.
create schema jobsched_chaos;
create table jobsched_chaos.history (
    n      bigint generated always as identity primary key,
    xid    xid8 not null default pg_current_xact_id(),
    what   text not null check (what in ('leased', 'released', 'ended', 'reopened')),
    job_id bigint not null,
    token  bigint,
    at     timestamptz not null default clock_timestamp()
);

create function jobsched_chaos.note() returns trigger language plpgsql as $$
begin
    insert into jobsched_chaos.history (what, job_id, token) select tg_argv[0], job_id, token from changed;
    return null;
end
$$;

create trigger chaos_leased after insert on jobsched.lease
    referencing new table as changed for each statement execute function jobsched_chaos.note('leased');
create trigger chaos_released after delete on jobsched.lease
    referencing old table as changed for each statement execute function jobsched_chaos.note('released');
create trigger chaos_ended after insert on jobsched.outcome
    referencing new table as changed for each statement execute function jobsched_chaos.note('ended');
create trigger chaos_reopened after delete on jobsched.outcome
    referencing old table as changed for each statement execute function jobsched_chaos.note('reopened');
