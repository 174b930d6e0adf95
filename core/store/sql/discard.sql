-- Takes dead jobs out of the dead-letter queue: cancelled, their error kept. A new xid and time make
-- it an outcome of its own for `tail` and for retention; the running time belonged to the old one.
update jobsched.outcome
set state = 'cancelled', xid = pg_current_xact_id(), finished_at = clock_timestamp(), run = null
where job_id = any (array(
    select o.job_id from jobsched.outcome o
    where o.job_id = any (%(ids)b::bigint[]) and o.state = 'dead'
    order by o.job_id
    for update
))
returning job_id
