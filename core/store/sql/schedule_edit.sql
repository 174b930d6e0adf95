-- Another specification for a schedule. Where other times follow from it, ticks before now are not made up: they
-- would be ticks that nobody ever announced. Where not, the frontier stays, so that no tick is lost between two.
with changed as (
    update jobsched.schedule s
    set name = %(name)s, expression = %(expression)s, timezone = %(timezone)s, jitter = %(jitter)s,
        starts_at = %(starts_at)s, ends_at = %(ends_at)s, catchup = %(catchup)s, overlap = %(overlap)s,
        queue = %(queue)s, type = %(type)s, payload = %(payload)s::jsonb, priority = %(priority)s,
        max_attempts = %(max_attempts)s, backoff_kind = %(backoff_kind)s, backoff_base = %(backoff_base)s,
        backoff_cap = %(backoff_cap)s, timeout = nullif(%(timeout)s::double precision, 0),
        tags = string_to_array(%(tags)s, ','), unique_key = nullif(%(unique_key)s, ''),
        concurrency_key = nullif(%(concurrency_key)s, ''), given = %(given)s,
        updated_at = clock_timestamp(), updated_by = %(by)s, revision = s.revision + 1,
        decided_until = case
            when (s.expression, s.timezone, s.starts_at, s.ends_at)
                is distinct from (%(expression)s, %(timezone)s, %(starts_at)s::timestamptz, %(ends_at)s::timestamptz)
            then statement_timestamp()
            else s.decided_until
        end
    where s.id = %(id)s and s.revision = %(revision)s
    returning id
)
select id, pg_notify('jobsched_schedule', id::text) from changed
