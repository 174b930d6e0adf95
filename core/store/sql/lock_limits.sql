-- Locks a queue's limits until the end of this transaction, so that only one worker at a time counts and
-- takes. No row: it has none any more. tokens: in the bucket now; null where there is no rate. (A clock that was set
-- back, or that of another server after a failover, takes none out.)
select q.max_running, q.rate,
       case when q.rate is not null then
           least(q.burst, q.tokens + q.rate * greatest(0, extract(epoch from clock_timestamp() - q.refilled_at))::double precision)
       end as tokens
from jobsched.queue q
where q.name = %(queue)s and q.limited
for update
