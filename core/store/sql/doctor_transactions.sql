-- Sessions whose transaction has been open for longer than %(seconds)s, the oldest first; with how many there are.
select a.pid, a.application_name, a.usename::text, a.state, left(a.query, 200),
       extract(epoch from clock_timestamp() - a.xact_start)::float8, count(*) over ()
from pg_stat_activity a
where a.pid <> pg_backend_pid() and a.datname = current_database() and a.backend_type = 'client backend'
  and a.xact_start < clock_timestamp() - make_interval(secs => %(seconds)s)
order by a.xact_start
limit 3
