-- A new schedule: its first tick is the first one after this. No row comes back where the name is taken. Running
-- schedulers are told when this commits.
with made as (
    insert into jobsched.schedule (
        name, expression, timezone, jitter, starts_at, ends_at, catchup, overlap, queue, type, payload, priority,
        max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, unique_key, concurrency_key, given,
        created_by, updated_by
    )
    values (
        %(name)s, %(expression)s, %(timezone)s, %(jitter)s, %(starts_at)s, %(ends_at)s, %(catchup)s, %(overlap)s,
        %(queue)s, %(type)s, %(payload)s::jsonb, %(priority)s, %(max_attempts)s, %(backoff_kind)s, %(backoff_base)s,
        %(backoff_cap)s, nullif(%(timeout)s::double precision, 0), string_to_array(%(tags)s, ','),
        nullif(%(unique_key)s, ''), nullif(%(concurrency_key)s, ''), %(given)s, %(by)s, %(by)s
    )
    on conflict (name) do nothing
    returning id
)
select id, pg_notify('jobsched_schedule', id::text) from made
