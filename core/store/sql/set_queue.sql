-- Makes a queue, if need be, and sets its limits. `set` names those that are given; a null in one of them
-- takes the limit away. Workers are told.
with known as (
    insert into jobsched.queue as q (name, key_limit, max_running, rate, burst, tokens)
    values (%(name)s, coalesce(%(key_limit)s::integer, 1), %(max_running)s, %(rate)s,
            coalesce(%(burst)s::integer, 1), coalesce(%(burst)s::integer, 1))
    on conflict (name) do update set
        key_limit = case when 'key_limit' = any (%(set)s::text[]) then excluded.key_limit else q.key_limit end,
        max_running = case when 'max_running' = any (%(set)s::text[]) then excluded.max_running else q.max_running end,
        rate = case when 'rate' = any (%(set)s::text[]) then excluded.rate else q.rate end,
        burst = case when 'burst' = any (%(set)s::text[]) then excluded.burst else q.burst end,
        tokens = case when 'burst' = any (%(set)s::text[]) then excluded.tokens else q.tokens end
    returning name
)
select pg_notify('jobsched', json_build_object('kind', 'queue', 'queue', name)::text) from known
