-- The raw limit that one-at-a-time submits are compared with: a job's row and nothing else.
insert into jobsched.raw_insert (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                             tags, submitter)
values ('bench', 'noop', '{}', 2, 3, 'exponential', 5, 600, '{}', 'bench')
