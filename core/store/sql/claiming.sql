-- Transactions that may have leased jobs which nobody else sees yet. A claim has this lock before it looks whether its
-- queue is paused, and until what it leased can be seen.
select virtualtransaction from pg_locks
where locktype = 'relation' and relation = 'jobsched.lease'::regclass and mode = 'RowExclusiveLock'
  and database = (select oid from pg_database where datname = current_database())
