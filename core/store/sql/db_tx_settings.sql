-- What holds for the transaction of a job in a database of the operator's, and not longer: behind a pooler the
-- session is somebody else's next. A server that does not know a setting goes without it. Windows cannot
-- notice that a client has gone; elsewhere its statement ends within seconds, and with it its locks.
select set_config(s.name, v.value, true)
from (values
    ('statement_timeout', $1),
    ('lock_timeout', $2),
    ('idle_in_transaction_session_timeout', $3),
    ('client_connection_check_interval', case when version() ~* 'mingw|visual c|msvc|cygwin' then '0' else '2s' end),
    ('cursor_tuple_fraction', '1'),
    ('TimeZone', 'UTC'),
    ('DateStyle', 'ISO'),
    ('IntervalStyle', 'iso_8601'),
    ('bytea_output', 'hex'),
    ('extra_float_digits', '1')
) v (name, value)
join pg_settings s on s.name = v.name
