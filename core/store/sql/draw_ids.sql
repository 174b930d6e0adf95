-- Ids for a COPY, taken from the sequence in one go: COPY cannot return the ids that it gave out.
select nextval('jobsched.job_seq') from generate_series(1, %(count)s)
