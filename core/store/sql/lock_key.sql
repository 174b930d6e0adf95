-- Only one admission to a concurrency key at a time, until the end of this transaction. The statement that
-- counts comes after it, with a fresh snapshot.
select pg_advisory_xact_lock(hashtextextended('jobsched ' || %(queue)s || ' ' || %(key)s, 0))
