select name, current_setting(name) from pg_settings
where name in ('server_version', 'fsync', 'synchronous_commit', 'shared_buffers', 'max_connections', 'max_wal_size',
               'wal_level', 'autovacuum')
order by name
