-- Forgets one batch of workers that ended more than %(age)s seconds ago. One whose leases wait for the
-- reaper stays: its name goes into their attempt log. (`statement_timestamp()`: see promote.sql.)
delete from jobsched.worker
where id = any (array(
    select w.id from jobsched.worker w
    where w.ended_at < statement_timestamp() - make_interval(secs => %(age)s)
      and not exists (select from jobsched.lease l where l.worker_id = w.id)
    order by w.ended_at
    limit %(batch)s
))
