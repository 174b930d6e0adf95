-- On top of what a viewer may: put jobs in, and nothing else. Column by column, so that nobody's job,
-- pause or lease can be changed: a key whose window is over, or whose job has ended, is taken over, a worker is
-- woken. He may hide more payload fields, and none less. Blocked jobs he puts in, and workers move them on. A job
-- that says that a schedule made it is not his to make.
grant usage on sequence jobsched.job_seq to {role};
grant insert (id, queue, type, payload, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout,
              idempotency_key, tags, submitter, created_at, unique_key, concurrency_key) on jobsched.job to {role};
grant insert on jobsched.ready, jobsched.delayed, jobsched.idempotency, jobsched.secret to {role};
grant insert on jobsched.blocked, jobsched.dependency, jobsched.unique_active to {role};
grant update (job_id) on jobsched.unique_active to {role};
grant insert (name) on jobsched.queue to {role};
grant select (payload_hash) on jobsched.idempotency to {role};
grant update (job_id, payload_hash, expires_at) on jobsched.idempotency to {role};
grant update (idle_since) on jobsched.worker to {role};
