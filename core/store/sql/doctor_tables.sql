-- Dead rows of the tables through which every job passes, by the server's own estimates, and the seconds
-- since they were cleared.
select t.relname::text, t.n_live_tup, t.n_dead_tup,
       extract(epoch from clock_timestamp() - greatest(t.last_autovacuum, t.last_vacuum))::float8
from pg_stat_all_tables t
where t.schemaname = 'jobsched'
  and t.relname in ('ready', 'lease', 'delayed', 'outcome', 'job', 'attempt_log', 'worker')
order by t.n_dead_tup desc
