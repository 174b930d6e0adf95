-- One job that waits for other jobs, for somebody who holds it, or for its concurrency key's turn. It
-- stands in `blocked` until settle.sql has looked at it, after the commit. Its id was drawn before. An
-- idempotency key that is taken makes no job: no row comes back (see enqueue.sql).
with keyed as (
    insert into jobsched.idempotency as known (key, job_id, payload_hash)
    select %(key)s, %(id)s, %(hash)s where %(key)s <> ''
    on conflict (key) do update
        set job_id = excluded.job_id, payload_hash = excluded.payload_hash, expires_at = null
        where known.expires_at <= statement_timestamp()
           or exists (
               select from jobsched.outcome o
               where o.job_id = known.job_id
                 and o.finished_at <= statement_timestamp() - make_interval(secs => %(window)s)
           )
    returning job_id
),
stored as (
    insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base,
                              backoff_cap, timeout, idempotency_key, tags, submitter, unique_key, concurrency_key)
    select %(id)s, %(queue)s, %(type)s, %(payload)s::jsonb, %(priority)s, %(max_attempts)s, %(backoff_kind)s,
           %(backoff_base)s, %(backoff_cap)s, nullif(%(timeout)s::real, 0), nullif(%(key)s, ''),
           string_to_array(%(tags)s, ','), %(submitter)s, nullif(%(unique_key)s, ''), nullif(%(concurrency_key)s, '')
    where %(key)s = '' or exists (select from keyed)
    returning id, queue, priority, concurrency_key
),
waiting as (
    insert into jobsched.blocked (job_id, queue, priority, key, run_at, attempt, crashes, losses, solo, held_at, held_by)
    select id, queue, priority, concurrency_key,
           case
               when %(run_at)s::double precision <> 'NaN' then to_timestamp(%(run_at)s)
               when %(delay)s::double precision <> 'NaN' then statement_timestamp() + make_interval(secs => %(delay)s)
           end,
           0, 0, 0, false,
           case when %(held_by)s <> '' then clock_timestamp() end, nullif(%(held_by)s, '')
    from stored
),
after as (
    insert into jobsched.dependency (child, parent, condition)
    select s.id, p.parent, p.condition
    from stored s, unnest(%(parents)s::bigint[], %(conditions)s::text[]) p (parent, condition)
)
select id from stored
