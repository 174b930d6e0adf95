-- Takes from a role whatever it was granted in the store, so that a grant afterwards says all it may.
-- (On a table this takes the columns' privileges too.)
alter default privileges in schema jobsched revoke all on tables from {role};
revoke all on all tables in schema jobsched from {role};
revoke all on all sequences in schema jobsched from {role};
revoke all on schema jobsched from {role};
