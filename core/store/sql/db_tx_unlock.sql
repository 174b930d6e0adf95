-- So would its advisory locks, for ever.
select pg_advisory_unlock_all()
