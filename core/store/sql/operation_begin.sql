-- A change that is about to be made.
insert into jobsched.operation (verb, by, selection) values (%(verb)s, %(by)s, %(selection)s) returning id
