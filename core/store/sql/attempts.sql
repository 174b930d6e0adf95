-- The attempts of one job that did not succeed, oldest first.
select a.job_id, a.token, a.attempt, a.kind, a.error_class, a.message, a.traceback, a.fingerprint, w.name,
       a.duration, a.signal, a.exit_code, a.memory_peak, a.finished_at
from jobsched.attempt_log a
left join jobsched.worker w on w.id = a.worker_id
where a.job_id = %(job_id)s
order by a.token
