-- Forgets one batch of idempotency keys whose window has passed.
delete from jobsched.idempotency
where key = any (array(
    select i.key from jobsched.idempotency i
    where i.expires_at <= clock_timestamp()
    order by i.expires_at
    limit %(batch)s
    for update skip locked
))
