-- Every schedule's revision.
select id, revision from jobsched.schedule
