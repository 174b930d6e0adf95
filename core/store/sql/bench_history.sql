-- Finished jobs, as a year of work leaves them.
with made as (
    insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                              submitter)
    select 'history', 'noop', '{}', 2, 3, 'exponential', 5, 600, 'bench' from generate_series(1, %(jobs)s)
    returning id
)
insert into jobsched.outcome (job_id, state, attempt, token, wait, run)
select id, 'succeeded', 1, nextval('jobsched.token_seq'), 0.1, 0.1 from made
