-- Numbers of which one is another once anybody has changed, added or removed a schedule; and the time of this database.
-- The ids tell of one that was removed while another was added: what is new has a higher one than all that were there.
select count(*), coalesce(sum(revision), 0)::bigint, coalesce(sum(id), 0)::bigint, clock_timestamp() from jobsched.schedule
