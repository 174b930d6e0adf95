-- Keeps a worker's leases alive. No row back: it was declared dead, and must stop everything.
-- A worker that has just become idle moves to the end of the queue for being woken.
update jobsched.worker
set heartbeat_at = clock_timestamp(),
    state = %(state)s,
    idle_since = case when state <> 'available' and %(state)s = 'available' then clock_timestamp() else idle_since end,
    running = %(running)s,
    rss_bytes = %(rss_bytes)s
where id = %(worker_id)s and ended_at is null
returning command
