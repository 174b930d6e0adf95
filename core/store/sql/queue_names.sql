select name from jobsched.queue order by name limit 1000
