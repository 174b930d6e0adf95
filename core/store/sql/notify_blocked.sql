-- Tells the workers, when the caller's transaction commits, that blocked jobs have not been looked at.
select pg_notify('jobsched', '{"kind": "blocked"}')
