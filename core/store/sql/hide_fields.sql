-- Payload fields that nobody is to be shown. Those that are hidden already are not touched, so nobody waits for
-- anybody unless two transactions hide the same new one.
insert into jobsched.secret (type, field)
select asked.type, asked.field
from unnest(%(types)b::text[], %(fields)b::text[]) asked (type, field)
where not exists (select from jobsched.secret s where s.type = asked.type and s.field = asked.field)
order by asked.type, asked.field
on conflict do nothing
returning type
