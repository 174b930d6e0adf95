copy jobsched.job (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, submitter) from stdin
