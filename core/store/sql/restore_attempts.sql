-- Puts back the attempts of jobs that have just come back. (xid: see restore_outcomes.sql.)
with made as (
    insert into jobsched.attempt_log (token, job_id, attempt, kind, error_class, message, traceback, fingerprint, worker_id,
                                      duration, signal, exit_code, memory_peak, xid, finished_at)
    select r.token, r.job_id, r.attempt, r.kind, r.error_class, r.message, r.traceback, r.fingerprint, r.worker_id,
           r.duration, r.signal, r.exit_code, r.memory_peak,
           case when r.xid < pg_snapshot_xmax(pg_current_snapshot()) then r.xid else pg_current_xact_id() end,
           r.finished_at
    from unnest(%(lines)s::text[]) g (line)
    cross join lateral jsonb_populate_record(null::jobsched.attempt_log, g.line::jsonb -> 'attempt_log') r
    where r.job_id = any (%(ids)b::bigint[])
    returning token
)
select count(*), coalesce(max(token), 0) from made
