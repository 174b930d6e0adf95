-- Jobs that have not ended.
select (select count(*) from jobsched.ready) + (select count(*) from jobsched.delayed)
    + (select count(*) from jobsched.blocked) + (select count(*) from jobsched.lease)
