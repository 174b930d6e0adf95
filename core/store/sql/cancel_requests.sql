-- The leases of a worker that somebody asked to cancel. They have an index of their own: the one by
-- worker is full of dead entries while somebody holds an old snapshot.
select token from jobsched.lease where worker_id = %(worker_id)s and cancel_requested_at is not null
