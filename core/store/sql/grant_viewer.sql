-- May look: every list, `show`, `logs`, `tail`, `wait`, `db check`. Tables that a later version of the
-- schema brings are covered too.
-- Payloads are seen through the view job_now alone, which hides what is secret in them; checkpoints hold whatever a
-- handler put there, and a hash of a payload lets a secret be guessed at leisure. Schedules have payloads, too, which
-- the view schedule_now shows. So of four tables columns are granted.
grant usage on schema jobsched to {role};
grant select on all tables in schema jobsched to {role};
grant select on all sequences in schema jobsched to {role};
alter default privileges in schema jobsched grant select on tables to {role};
revoke select on jobsched.job, jobsched.schedule, jobsched.checkpoint, jobsched.idempotency from {role};
grant select (id, queue, type, priority, max_attempts, backoff_kind, backoff_base, backoff_cap, timeout,
              idempotency_key, tags, submitter, created_at, unique_key, concurrency_key, schedule, scheduled_for)
    on jobsched.job to {role};
grant select (id, name, expression, timezone, jitter, starts_at, ends_at, catchup, overlap, queue, type, priority,
              max_attempts, backoff_kind, backoff_base, backoff_cap, timeout, tags, unique_key, concurrency_key, given,
              created_at, created_by, updated_at, updated_by, revision, decided_until, paused_at, paused_by, pause_reason)
    on jobsched.schedule to {role};
grant select (job_id, token) on jobsched.checkpoint to {role};
grant select (key, job_id, expires_at) on jobsched.idempotency to {role};
