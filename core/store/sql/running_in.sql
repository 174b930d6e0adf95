-- How many jobs of a queue run now. A lease has no queue of its own: it is looked up by primary key.
select count(*) from jobsched.lease l
cross join lateral (
    select from jobsched.job j where j.id = l.job_id and j.queue = %(queue)s offset 0
) mine
