-- Makes a queue, if need be, and sets its limits; null leaves one as it is.
insert into jobsched.queue as known (name, key_limit) values (%(name)s, coalesce(%(key_limit)s::integer, 1))
on conflict (name) do update set key_limit = coalesce(%(key_limit)s::integer, known.key_limit)
returning name
