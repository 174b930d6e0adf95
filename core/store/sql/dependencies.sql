-- What a job waits or waited for, and what waits for it now.
select d.child, d.parent, d.condition, d.met, n.state
from (
    select child, parent, condition, met from jobsched.dependency where child = %(id)s
    union all
    select child, parent, condition, met from jobsched.dependency where parent = %(id)s and not met
) d
left join lateral (select s.state from jobsched.job_now s where s.id = d.parent offset 0) n on true
order by d.parent, d.child
limit 1000
