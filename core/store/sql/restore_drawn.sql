-- The highest job id and the highest token that this store has given out.
select (select case when is_called then last_value else last_value - 1 end from jobsched.job_seq),
       (select case when is_called then last_value else last_value - 1 end from jobsched.token_seq)
