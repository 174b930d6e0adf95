-- How many rows the planner expects, for a progress bar.
explain (format json) {query}
