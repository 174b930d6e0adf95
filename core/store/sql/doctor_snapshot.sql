-- Who keeps the oldest snapshot of this database: nothing that died since can be cleared, in any table. A session of
-- another role shows its pid, name and user to everybody; the rest is null then, or only for pg_read_all_stats.
select kind, pid, name, owner, state, statement, since, transactions
from (
    select 'session' as kind, a.pid, a.application_name as name, a.usename::text as owner, a.state,
           left(a.query, 200) as statement, extract(epoch from clock_timestamp() - a.xact_start)::float8 as since,
           greatest(age(a.backend_xmin), age(a.backend_xid)) as transactions
    from pg_stat_activity a
    where a.pid <> pg_backend_pid() and a.datname = current_database() and a.backend_type is distinct from 'autovacuum worker'
      and (a.backend_xmin is not null or a.backend_xid is not null)
    union all
    select 'prepared transaction', null, p.gid, p.owner::text, 'prepared', null,
           extract(epoch from clock_timestamp() - p.prepared)::float8, age(p.transaction)
    from pg_prepared_xacts p
    where p.database = current_database()
    union all
    select 'replication slot', s.active_pid, s.slot_name::text, null,
           case when s.active then 'in use' else 'unused' end, null, null, age(s.xmin)
    from pg_replication_slots s
    where s.xmin is not null
) holder
order by transactions desc nulls last, since desc nulls last
limit 1
