-- Seconds in which nothing ended count as zero.
with ended as (
    select o.finished_at from jobsched.outcome o join jobsched.job j on j.id = o.job_id where j.queue = %(queue)s
),
first as (select min(finished_at) as at from ended),
per_second as (
    select floor(extract(epoch from e.finished_at - first.at))::integer as second, count(*) as jobs
    from ended e, first group by 1
)
select coalesce(p.jobs, 0)
from generate_series(0, (select max(second) from per_second)) s (second)
left join per_second p on p.second = s.second
order by s.second
