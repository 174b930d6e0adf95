-- Ends leases in every way but success, each job by its own `next`:
--   retrying  it failed and has attempts left: delayed by `delay` seconds
--   scheduled it asked to run later (snooze): delayed, the attempt is not used up
--   queued    handed back, or it must be run again after a crash: ready, at the end of its lane
--   dead, cancelled  it has ended: outcome
-- `attempt`, `crashes`, `losses` and `solo` are what the job goes on with. An attempt with a `kind`
-- is written into attempt_log. Only leases that still have their token are ended; the accepted
-- tokens come back. A job that somebody asked to cancel meanwhile does not run again: `retrying`,
-- `scheduled` and `queued` become `cancelled`, whether or not its worker had heard of it. No joins, for
-- the reason given in succeed.sql.
with ended as (
    delete from jobsched.lease
    where job_id = any (%(job_ids)b::bigint[])
      and coalesce(token in (select unnest(%(tokens)b::bigint[])), false)
    returning token, cancel_requested_at, cancel_requested_by
),
given as (
    select g.*, coalesce(g.token in (select e.token from ended e where e.cancel_requested_at is not null), false)
                and g.next <> 'dead' as wanted_gone
    from unnest(
        %(job_ids)b::bigint[], %(tokens)b::bigint[], %(nexts)b::text[], %(queues)b::text[], %(priorities)b::smallint[],
        %(types)b::text[], %(attempts)b::smallint[], %(crashes)b::smallint[], %(losses)b::smallint[], %(solos)b::bool[],
        %(delays)b::double precision[], %(waits)b::real[], %(runs)b::real[], %(errors)b::text[],
        %(fingerprints)b::text[], %(kinds)b::text[], %(ran_attempts)b::smallint[], %(classes)b::text[],
        %(messages)b::text[], %(tracebacks)b::text[], %(signals)b::smallint[], %(exit_codes)b::smallint[],
        %(memory_peaks)b::bigint[], %(results)b::text[]
    ) g (
        job_id, token, next, queue, priority, type, attempt, crashes, losses, solo, delay, wait, run, error,
        fingerprint, kind, ran_attempt, class, message, traceback, signal, exit_code, memory_peak, result
    )
    where coalesce(g.token in (select e.token from ended e), false)
),
held as materialized (
    select
        job_id, token, queue, priority, type, crashes, losses, solo, delay, wait, run, fingerprint, kind,
        ran_attempt, class, message, traceback, signal, exit_code, memory_peak, result,
        case when wanted_gone then 'cancelled' else next end as next,
        case when wanted_gone then ran_attempt else attempt end as attempt,
        case when wanted_gone
            then 'cancelled by ' || (select coalesce(e.cancel_requested_by, '?') from ended e where e.token = g.token)
            else error
        end as error
    from given g
),
logged as (
    insert into jobsched.attempt_log (token, job_id, attempt, kind, error_class, message, traceback, fingerprint,
                                      worker_id, duration, signal, exit_code, memory_peak)
    select token, job_id, ran_attempt, kind, class, message, traceback, fingerprint,
           %(worker_id)s, run, signal, exit_code, memory_peak
    from held where kind is not null
),
waiting as (
    insert into jobsched.delayed (job_id, state, run_at, attempt, crashes, losses, solo)
    select job_id, next, clock_timestamp() + make_interval(secs => delay), attempt, crashes, losses, solo
    from held where next in ('retrying', 'scheduled')
),
again as (
    insert into jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo)
    select queue, priority, nextval('jobsched.job_seq'), job_id, type, attempt, crashes, losses, solo
    from held where next = 'queued'
),
finished as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, wait, run, result,
                                  error, fingerprint)
    select job_id, next, attempt, crashes, losses, token, %(worker_id)s, wait, run, result::jsonb, error, fingerprint
    from held where next in ('dead', 'cancelled')
)
select token from held
