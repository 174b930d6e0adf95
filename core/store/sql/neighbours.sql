-- The living workers of this host's boot and PID namespace: those whose death can be proved here.
select id, host, boot_id, pid_namespace, pid, pid_start
from jobsched.worker
where ended_at is null and boot_id = %(boot_id)s and pid_namespace = %(pid_namespace)s and id <> %(worker_id)s
