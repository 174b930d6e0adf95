-- Writes down what became of one tick of a schedule whose row this transaction has locked.
insert into jobsched.tick as known (schedule_id, scheduled_for, state, decided_at, job_id, reason, by, origin)
values (%(id)s, %(tick)s, %(state)s, %(now)s, %(job_id)s, %(reason)s, %(by)s, %(origin)s)
on conflict (schedule_id, scheduled_for) do update
    set state = excluded.state, decided_at = excluded.decided_at, job_id = excluded.job_id, reason = excluded.reason,
        by = excluded.by, origin = excluded.origin
    where known.state <> 'fired'
returning scheduled_for
