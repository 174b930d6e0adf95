-- One job that may run at once and has no idempotency key: the shortest way in. Everything else goes
-- through enqueue.sql. The job stands in its lane at seq = its id.
with made as (
    insert into jobsched.job (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
                              timeout, tags, submitter)
    values (%(queue)s, %(type)s, %(payload)s::jsonb, %(priority)s, %(max_attempts)s, %(backoff_kind)s,
            %(backoff_base)s, %(backoff_cap)s, nullif(%(timeout)s::real, 0), string_to_array(%(tags)s, ','),
            %(submitter)s)
    returning id, queue, type, priority
)
insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
select queue, priority, id, id, type, 0, 0, 0, false from made
returning job_id
