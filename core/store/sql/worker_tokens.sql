-- Tokens of a worker's leases that are newer than a given one.
select token from jobsched.lease where worker_id = %(worker_id)s and token > %(after)s
