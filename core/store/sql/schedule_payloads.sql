-- Payloads with what is hidden in them, for whoever changes schedules: what he does not name again stays.
select id, payload from jobsched.schedule where id = any (%(ids)b::bigint[])
