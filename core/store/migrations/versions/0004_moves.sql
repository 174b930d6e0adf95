-- Jobs that wait are moved to another queue or priority; where they stood before is remembered.
alter table jobsched.operation drop constraint operation_verb_check;
alter table jobsched.operation add constraint operation_verb_check
    check (verb in ('cancel', 'retry', 'hold', 'release', 'discard', 'move'));

alter table jobsched.operation_job
    add column queue text, -- both where the job was moved
    add column priority smallint;
