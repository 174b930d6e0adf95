-- The newest %(most)s dead jobs by what went wrong, the most frequent first, with how many died within the last
-- %(window)s seconds.
with newest as (
    select o.job_id, o.fingerprint, o.error, o.finished_at
    from jobsched.outcome o
    where o.state = 'dead'
    order by o.job_id desc
    limit %(most)s
)
select coalesce(n.fingerprint, ''), j.queue, j.type, count(*) as jobs, min(n.finished_at), max(n.finished_at),
       (array_agg(left(n.error, 500) order by n.job_id desc))[1], max(n.job_id),
       count(*) filter (where n.finished_at > statement_timestamp() - make_interval(secs => %(window)s))
from newest n
cross join lateral (select b.queue, b.type from jobsched.job b where b.id = n.job_id offset 0) j
group by coalesce(n.fingerprint, ''), j.queue, j.type
order by jobs desc, max(n.job_id) desc
limit %(limit)s
