-- Jobs that wait are moved to another queue or priority; where they stood before is remembered.
alter table jobsched.operation drop constraint operation_verb_check;
alter table jobsched.operation add constraint operation_verb_check
    check (verb in ('cancel', 'retry', 'hold', 'release', 'discard', 'move'));

alter table jobsched.operation_job
    add column queue text, -- both where the job was moved
    add column priority smallint;

-- Held jobs are not looked at until they are released: a million of them must not lie in the way of those that are.
drop index jobsched.blocked_unsettled;
create index blocked_unsettled on jobsched.blocked (job_id) where not settled and held_at is null;
