-- Puts back the outcomes of jobs that have just come back. The transaction that wrote one is behind everybody's
-- place in `tail`, so nobody is told again; one that this server has not begun yet is from another server, and
-- would hold `tail` up until it had: then this transaction takes its place.
with made as (
    insert into jobsched.outcome (job_id, state, attempt, crashes, losses, token, worker_id, xid, finished_at, wait, run,
                                  result, error, fingerprint)
    select r.job_id, r.state, r.attempt, r.crashes, r.losses, r.token, r.worker_id,
           case when r.xid < pg_snapshot_xmax(pg_current_snapshot()) then r.xid else pg_current_xact_id() end,
           r.finished_at, r.wait, r.run,
           case when g.line::jsonb ? 'result_is_null' then 'null'::jsonb else r.result end, r.error, r.fingerprint
    from unnest(%(lines)s::text[]) g (line)
    cross join lateral jsonb_populate_record(null::jobsched.outcome, g.line::jsonb -> 'outcome') r
    where r.job_id = any (%(ids)b::bigint[])
    returning token
)
select count(*), coalesce(max(token), 0) from made
