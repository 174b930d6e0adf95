-- May look: every list, `show`, `logs`, `tail`, `wait`, `verify`, `doctor`. Tables that a later version of the
-- schema brings are covered too.
grant usage on schema jobsched to {role};
grant select on all tables in schema jobsched to {role};
grant select on all sequences in schema jobsched to {role};
alter default privileges in schema jobsched grant select on tables to {role};
