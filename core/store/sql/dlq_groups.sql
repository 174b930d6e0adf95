-- The dead-letter queue by what went wrong, the most frequent first.
select coalesce(o.fingerprint, ''), j.queue, j.type, count(*) as jobs, min(o.finished_at), max(o.finished_at),
       (array_agg(o.error order by o.job_id desc))[1], max(o.job_id)
from jobsched.outcome o
join jobsched.job j on j.id = o.job_id
where o.state = 'dead'
group by coalesce(o.fingerprint, ''), j.queue, j.type
order by jobs desc, max(o.job_id) desc
limit %(limit)s
