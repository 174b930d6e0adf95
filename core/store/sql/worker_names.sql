-- Names of databases and the like that any live worker knows, for payload fields of these types.
select t.type, f.field, array_agg(distinct n.name)
from jobsched.worker w
cross join unnest(%(types)b::text[]) t (type)
cross join lateral (select w.schemas #> array[t.type, 'x-jobsched', 'names'] as names) said
cross join lateral jsonb_each(case jsonb_typeof(said.names) when 'object' then said.names else '{}' end) f (field, names)
cross join lateral jsonb_array_elements_text(
    case jsonb_typeof(f.names) when 'array' then f.names else '[]' end
) n (name)
where w.ended_at is null
  and w.heartbeat_at > clock_timestamp() - make_interval(secs => w.lease_seconds)
group by t.type, f.field
