-- A queue's limits, how much of them is used, and the oldest leases that use it.
select
    q.max_running, q.rate,
    case when q.rate is not null then
        least(q.burst, q.tokens + q.rate * greatest(0, extract(epoch from clock_timestamp() - q.refilled_at))::double precision)
    end as tokens,
    (select count(*) from jobsched.lease l where l.limited = q.name) as used,
    array(select l.job_id from jobsched.lease l where l.limited = q.name order by l.claimed_at limit 5) as holders
from jobsched.queue q
where q.name = %(queue)s and q.limited
