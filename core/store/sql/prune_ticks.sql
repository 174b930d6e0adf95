-- Forgets one batch of ticks that were due, and decided, more than %(age)s seconds ago: a backfill decides old ones.
-- (`statement_timestamp()`: see promote.sql.)
delete from jobsched.tick
where ctid = any (array(
    select t.ctid from jobsched.tick t
    where t.scheduled_for < statement_timestamp() - make_interval(secs => %(age)s)
      and t.decided_at < statement_timestamp() - make_interval(secs => %(age)s)
    order by t.scheduled_for
    limit %(batch)s
))
