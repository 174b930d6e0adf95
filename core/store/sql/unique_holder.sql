-- Which job has a unique-while-active key, and its state.
select u.job_id, n.state
from jobsched.unique_active u
cross join lateral (select s.state from jobsched.job_now s where s.id = u.job_id) n
where u.key = %(unique_key)s
