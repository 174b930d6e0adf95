-- A worker leaves in order: its leases have been ended or handed back before.
update jobsched.worker
set ended_at = clock_timestamp(), end_reason = 'stopped', state = 'unavailable', running = 0
where id = %(worker_id)s and ended_at is null
