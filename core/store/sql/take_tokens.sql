-- Takes tokens out of a queue's bucket.
update jobsched.queue
set tokens = least(
        burst, tokens + rate * greatest(0, extract(epoch from clock_timestamp() - refilled_at))::double precision
    ) - %(n)s,
    refilled_at = clock_timestamp()
where name = %(queue)s and rate is not null
returning name
