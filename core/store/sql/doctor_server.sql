-- The server, its settings that matter here, and who is asking; one row. Everybody may see all of it.
select
    current_setting('server_version') as version,
    pg_is_in_recovery() as standby,
    current_setting('default_transaction_read_only') = 'on' as read_only,
    current_setting('fsync') as fsync,
    current_setting('full_page_writes') as full_page_writes,
    current_setting('synchronous_commit') as synchronous_commit,
    current_setting('autovacuum') as autovacuum,
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as room,
    (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
    (select age(datfrozenxid) from pg_database where datname = current_database()) as frozen_age,
    current_setting('autovacuum_freeze_max_age')::int as freeze_max_age,
    pg_backend_pid() as pid,
    current_user::text as role,
    pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_sessions
