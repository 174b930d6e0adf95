-- What a job said, in order, after (token, chunk).
select token, chunk, attempt, stream, at, text
from jobsched.job_output
where job_id = %(job_id)s
  and (token, chunk) > (%(token)s, %(chunk)s)
  and (%(attempt)s::smallint is null or attempt = %(attempt)s)
order by token, chunk
limit %(limit)s
