-- Takes discarded jobs back into the dead-letter queue, as they were, unless something has become of them since.
with item as materialized (
    select i.job_id, jsonb_populate_record(null::jobsched.outcome, i.outcome) as was from jobsched.operation_job i
    where i.operation_id = %(operation)s and i.job_id = any (%(ids)b::bigint[]) and i.state = 'dead'
),
locked as materialized (
    select o.job_id from jobsched.outcome o
    where o.job_id = any (array(select i.job_id from item i)) and o.state = 'cancelled'
    order by o.job_id
    for update
)
update jobsched.outcome o
set state = 'dead', xid = pg_current_xact_id(), finished_at = (i.was).finished_at, run = (i.was).run
from item i, locked l
where o.job_id = l.job_id and i.job_id = l.job_id and o.error = (i.was).error
returning o.job_id
