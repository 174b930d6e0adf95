-- Everything that is kept about some jobs that have ended, a JSON text a row, in one snapshot. The order has no
-- meaning. `to_json` writes the columns in their order, so that a job's id, queue and type, and an outcome's
-- job and state, can be read without reading a payload. It writes null for NULL and for a JSON null: of a
-- result, `result_is_null` says that it is the latter. `any(array(…))` keeps every part on its index.
select '{"job":' || to_json(j) || '}'
from jobsched.job j where j.id = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"outcome":' || to_json(o) || case when jsonb_typeof(o.result) = 'null' then ',"result_is_null":true}' else '}' end
from jobsched.outcome o where o.job_id = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"attempt_log":' || to_json(a) || '}'
from jobsched.attempt_log a where a.job_id = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"job_output":' || to_json(p) || '}'
from jobsched.job_output p where p.job_id = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"checkpoint":' || to_json(c) || '}'
from jobsched.checkpoint c where c.job_id = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"dependency":' || to_json(d) || '}'
from jobsched.dependency d where d.child = any (array(select unnest(%(ids)b::bigint[])))
union all
select '{"idempotency":' || to_json(i) || '}'
from jobsched.idempotency i where i.job_id = any (array(select unnest(%(ids)b::bigint[])))
