-- The sessions of jobsched's processes, but for this one.
select pid from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
order by pid
