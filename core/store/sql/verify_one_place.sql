-- Jobs that are in no place, or in more than one. A job can stand in `ready` twice: at its own number and at a
-- newer one.
with wrong as materialized (
    select j.id as job_id,
           case when (r.rows, d.job_id, l.job_id, o.job_id, b.job_id) is null then 'it is in none of them'
               else 'it is in ' || concat_ws(
                   ', ', case when r.rows > 1 then 'ready (' || r.rows || ' times)' when r.rows = 1 then 'ready' end,
                   case when d.job_id is not null then 'delayed' end, case when l.job_id is not null then 'lease' end,
                   case when o.job_id is not null then 'outcome' end, case when b.job_id is not null then 'blocked' end
               )
           end as facts
    from jobsched.job j
    left join jobsched.outcome o on o.job_id = j.id and o.job_id >= %(first)s
    left join jobsched.lease l on l.job_id = j.id and l.job_id >= %(first)s
    left join jobsched.blocked b on b.job_id = j.id and b.job_id >= %(first)s
    left join jobsched.delayed d on d.job_id = j.id and d.job_id >= %(first)s
    left join (
        select job_id, count(*) as rows from jobsched.ready where job_id >= %(first)s group by job_id
    ) r on r.job_id = j.id
    where j.id >= %(first)s
      and coalesce(r.rows, 0) + num_nonnulls(d.job_id, l.job_id, o.job_id, b.job_id) <> 1
)
select job_id, facts, count(*) over () as total
from wrong
order by job_id, facts
limit %(limit)s
