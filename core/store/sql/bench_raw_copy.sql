copy jobsched.raw_copy (queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, tags, submitter) from stdin
