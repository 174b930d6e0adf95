select count(*) from jobsched.ready where queue = %(queue)s
