-- Forgets one batch of ticks that were due, and decided, more than %(age)s seconds ago: a backfill decides old ones.
-- The newest one of a schedule that was decided when it was due stays as long as the schedule: it is its frontier.
-- (`statement_timestamp()`: see promote.sql.)
delete from jobsched.tick
where ctid = any (array(
    select t.ctid from jobsched.tick t
    where t.scheduled_for < statement_timestamp() - make_interval(secs => %(age)s)
      and t.decided_at < statement_timestamp() - make_interval(secs => %(age)s)
      and (
          exists (
              select from jobsched.tick n
              where n.schedule_id = t.schedule_id and n.scheduled_for > t.scheduled_for and n.origin = 'schedule'
          )
          or t.origin <> 'schedule'
          or not exists (select from jobsched.schedule s where s.id = t.schedule_id)
      )
    order by t.scheduled_for
    limit %(batch)s
))
