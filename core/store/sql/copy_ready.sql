copy jobsched.ready (queue, priority, seq, job_id, type, attempt, crashes, losses, solo) from stdin
