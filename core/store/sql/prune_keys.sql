-- Forgets one batch of idempotency keys whose window has passed. (`statement_timestamp()`: see promote.sql.)
delete from jobsched.idempotency
where key = any (array(
    select i.key from jobsched.idempotency i
    where i.expires_at <= statement_timestamp()
    order by i.expires_at
    limit %(batch)s
    for update skip locked
))
