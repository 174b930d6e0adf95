-- Rows are fetched a piece at a time: neither side ever holds them all.
declare jobsched_rows no scroll cursor for {query}
