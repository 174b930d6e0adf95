-- Queues come into being with their first job; workers of every queue are told. A queue that exists
-- is not touched, so nobody waits for anybody unless two transactions make the same new queue.
with made as (
    insert into jobsched.queue (name)
    select asked.name from unnest(%(names)b::text[]) asked (name)
    where not exists (select from jobsched.queue q where q.name = asked.name)
    order by asked.name
    on conflict (name) do nothing
    returning name
)
select pg_notify('jobsched', json_build_object('kind', 'queue', 'queue', name)::text) from made
