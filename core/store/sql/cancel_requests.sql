-- The leases of a worker that somebody asked to cancel.
select token from jobsched.lease where worker_id = %(worker_id)s and cancel_requested_at is not null
