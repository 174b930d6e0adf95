-- Takes one schedule for this transaction on the conditions of tick_decide.sql; no row comes back otherwise. Nobody
-- waits for long for a scheduler that stops in the middle: the server ends its transaction then.
select s.name, s.overlap, s.queue, s.type, s.payload::text, s.priority, s.max_attempts, s.backoff_kind, s.backoff_base,
       s.backoff_cap, coalesce(s.timeout, 0), array_to_string(s.tags, ','), coalesce(s.unique_key, ''),
       coalesce(s.concurrency_key, ''), s.updated_by, statement_timestamp()
from jobsched.schedule s
where s.id = %(id)s
  and set_config('idle_in_transaction_session_timeout', '5s', true) is not null
  and (%(frontier)s::timestamptz is null
       or s.revision = %(revision)s and s.paused_at is null
       and %(frontier)s = (select r.decided_until from jobsched.frontier r where r.id = s.id))
  and (%(until)s::timestamptz is null or %(until)s <= statement_timestamp())
for no key update of s skip locked
