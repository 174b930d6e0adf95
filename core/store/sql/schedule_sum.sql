-- Two numbers that are others once anybody has changed, added or removed a schedule; and the time of this database.
select count(*), coalesce(sum(revision), 0)::bigint, clock_timestamp() from jobsched.schedule
