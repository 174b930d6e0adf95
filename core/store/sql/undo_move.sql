-- The lanes in which jobs stood before they were moved, each with its jobs. One that a later change has moved on, which
-- is not undone, stays: it stands in another lane than before that one.
with later as materialized (
    select id from jobsched.operation where id > %(operation)s and verb = 'move' and undone_at is null
),
moved_on as materialized (
    select n.job_id
    from later l
    cross join lateral (
        select m.job_id, m.queue, m.priority from jobsched.operation_job m
        where m.operation_id = l.id and m.job_id = any (%(ids)b::bigint[])
        offset 0
    ) n
    cross join lateral (
        select j.queue, j.priority from jobsched.job j where j.id = n.job_id offset 0
    ) now
    where (now.queue, now.priority) is distinct from (n.queue, n.priority)
)
select queue, priority, array_agg(job_id order by job_id)
from jobsched.operation_job
where operation_id = %(operation)s and job_id = any (%(ids)b::bigint[]) and queue is not null
  and job_id <> all (array(select job_id from moved_on))
group by queue, priority
order by queue, priority
