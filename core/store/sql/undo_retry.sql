-- Ends jobs again as they had ended, that were held a moment ago and have not run since.
with item as materialized (
    select i.job_id, i.outcome from jobsched.operation_job i
    where i.operation_id = %(operation)s and i.job_id = any (%(ids)b::bigint[]) and i.outcome is not null
),
gone as (
    delete from jobsched.blocked
    where job_id = any (array(
        select b.job_id from jobsched.blocked b
        where b.job_id = any (array(select i.job_id from item i)) and b.held_by = %(by)s and b.attempt = 0 and b.crashes = 0 and b.losses = 0
        order by b.job_id
        for update
    ))
    returning job_id
)
insert into jobsched.outcome
select r.*
from gone g
join item i on i.job_id = g.job_id
cross join lateral jsonb_populate_record(
    null::jobsched.outcome, i.outcome || jsonb_build_object('xid', pg_current_xact_id()::text)
) r
returning job_id, state
