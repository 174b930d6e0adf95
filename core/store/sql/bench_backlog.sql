-- How far the workers are behind the newest job, by ids: a count would disturb what is measured.
select coalesce((select max(id) from jobsched.job), 0) - coalesce((select max(job_id) from jobsched.outcome), 0)
