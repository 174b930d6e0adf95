-- Deletes one batch of the ticks of a schedule that is gone, so that nobody adds to them meanwhile.
delete from jobsched.tick
where ctid = any (array(
    select t.ctid from jobsched.tick t
    where t.schedule_id = %(id)s
    order by t.scheduled_for
    limit %(batch)s
))
