-- How many rows were ever put into the tables through which jobs pass, and how many there are, by the server's
-- own counters: they cost nothing, lag a second behind, and count what was rolled back.
select clock_timestamp(),
       coalesce(sum(t.n_tup_ins) filter (where t.relname = 'job'), 0)::bigint as submitted,
       coalesce(sum(t.n_tup_ins) filter (where t.relname = 'lease'), 0)::bigint as started,
       coalesce(sum(t.n_tup_ins) filter (where t.relname = 'outcome'), 0)::bigint as ended,
       coalesce(sum(t.n_tup_ins) filter (where t.relname = 'attempt_log'), 0)::bigint as failed,
       coalesce(sum(t.n_live_tup) filter (where t.relname = 'job'), 0)::bigint as jobs,
       coalesce(sum(t.n_live_tup) filter (where t.relname = 'ready'), 0)::bigint as queued
from pg_stat_all_tables t
where t.schemaname = 'jobsched' and t.relname in ('job', 'lease', 'outcome', 'attempt_log', 'ready')
