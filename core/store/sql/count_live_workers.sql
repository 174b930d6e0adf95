-- Workers that would notice if the store went away: those whose lease time has not run out.
select count(*) from jobsched.worker
where ended_at is null
  and heartbeat_at > clock_timestamp() - make_interval(secs => lease_seconds);
