-- Forgets one batch of the jobs of old changes, and changes that have none left.
with old as materialized (
    select o.id from jobsched.operation o
    where o.started_at < statement_timestamp() - make_interval(secs => %(age)s)
    order by o.id
    limit 100
),
items as (
    delete from jobsched.operation_job
    where ctid = any (array(
        select i.ctid from jobsched.operation_job i where i.operation_id = any (array(select id from old)) limit %(batch)s
    ))
    returning job_id
),
gone as (
    delete from jobsched.operation o
    where o.id = any (array(select id from old))
      and not exists (select from jobsched.operation_job i where i.operation_id = o.id)
)
select count(*) from items
