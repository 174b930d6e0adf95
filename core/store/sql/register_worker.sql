insert into jobsched.worker (name, host, boot_id, pid_namespace, pid, pid_start, version, queues, types, schemas,
                             concurrency, lease_seconds, state, mark)
values (%(name)s, %(host)s, %(boot_id)s, %(pid_namespace)s, %(pid)s, %(pid_start)s, %(version)s, %(queues)s,
        %(types)s, %(schemas)s, %(concurrency)s, %(lease_seconds)s, 'available', %(mark)s)
returning id
