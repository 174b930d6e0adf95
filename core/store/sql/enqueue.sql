-- Stores jobs, one or ten thousand, in the order of the arrays: ids grow with it. A job goes to
-- `ready`, at seq = its id, or to `delayed` if its time, by this database's clock, has not come.
--
-- Absent values are '' (key), 0 (timeout) and NaN (run_at, delay), because an array of nulls alone
-- has no type; tags are joined by commas, which their names cannot contain.
--
-- A key that is taken makes no job: its row does not come back, and idempotency_holders.sql, with a
-- fresh snapshot that sees who won a race, tells whose it is. A key is free again once its window has
-- passed since its job ended, whether or not retention has deleted the job. Keys are inserted in
-- their own order, so that two batches that share keys cannot deadlock. The caller has made sure that
-- no key comes twice.
with asked as materialized (
    select nextval('jobsched.job_seq') as id, g.*,
           case
               when g.run_at <> 'NaN' then to_timestamp(g.run_at)
               when g.delay <> 'NaN' then statement_timestamp() + make_interval(secs => g.delay)
           end as due
    from unnest(
        %(queues)b::text[], %(types)b::text[], %(payloads)b::text[], %(priorities)b::smallint[],
        %(max_attempts)b::smallint[], %(backoff_kinds)b::text[], %(backoff_bases)b::double precision[],
        %(backoff_caps)b::double precision[], %(timeouts)b::double precision[], %(run_ats)b::double precision[],
        %(delays)b::double precision[], %(keys)b::text[], %(hashes)b::bytea[], %(tags)b::text[]
    ) with ordinality g (
        queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, run_at,
        delay, key, hash, tags, position
    )
),
keyed as (
    insert into jobsched.idempotency as known (key, job_id, payload_hash)
    select key, id, hash from asked where key <> '' order by key
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
fresh as materialized (
    select a.*, coalesce(a.due > statement_timestamp(), false) as waits
    from asked a
    where a.key = '' or coalesce(a.id in (select k.job_id from keyed k), false)
),
stored as (
    insert into jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base,
                              backoff_cap, timeout, idempotency_key, tags, submitter)
    select id, queue, type, payload::jsonb, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
           nullif(timeout, 0), nullif(key, ''), string_to_array(tags, ','), %(submitter)s
    from fresh
),
queued as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, id, id, type, 0, 0, 0, false from fresh where not waits
),
waiting as (
    insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
    select id, 'scheduled', due, 0, 0, 0, false from fresh where waits
)
select position, id, waits from fresh
