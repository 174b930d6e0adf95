-- Its jobs stay. Its ticks go afterwards, in batches: nobody looks for them any more.
with gone as (
    delete from jobsched.schedule where id = %(id)s returning id
)
select id, pg_notify('jobsched_schedule', id::text) from gone
