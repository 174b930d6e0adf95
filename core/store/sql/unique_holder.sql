-- Which job has a unique-while-active key, and its state.
select n.id, n.state from jobsched.job_now n
where n.id = any (array(select u.job_id from jobsched.unique_active u where u.key = %(unique_key)s))
