-- Whether a scheduler is connected to this database: the connection on which it listens goes by no pooler, and everybody
-- may see what it is called.
select exists (
    select from pg_stat_activity
    where datname = current_database() and application_name like 'jobsched cron listener %%'
)
