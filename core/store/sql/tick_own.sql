-- Takes one schedule for this transaction, and moves its frontier, on the conditions of tick_decide.sql; no row
-- comes back otherwise. Nobody waits for long for a scheduler that stops in the middle: the server ends its
-- transaction then.
with own as (
    select s.* from jobsched.schedule s
    where s.id = %(id)s
      and set_config('idle_in_transaction_session_timeout', '5s', true) is not null
      and (%(frontier)s::timestamptz is null
           or s.decided_until = %(frontier)s and s.revision = %(revision)s and s.paused_at is null)
      and (%(until)s::timestamptz is null or %(until)s <= statement_timestamp())
    for no key update skip locked
),
moved as (
    update jobsched.schedule s set decided_until = %(until)s
    from own o
    where s.id = o.id and %(until)s::timestamptz is not null
)
select name, overlap, queue, type, payload::text, priority, max_attempts, backoff_kind, backoff_base, backoff_cap,
       coalesce(timeout, 0), array_to_string(tags, ','), coalesce(unique_key, ''), coalesce(concurrency_key, ''),
       updated_by, statement_timestamp()
from own
