-- For the transaction it is said in: it only reads, and no statement of it takes longer than so many milliseconds.
select set_config('transaction_read_only', 'on', true), set_config('statement_timeout', %(milliseconds)s::text, true)
