-- The queues that have limits.
select name from jobsched.queue where limited order by name
