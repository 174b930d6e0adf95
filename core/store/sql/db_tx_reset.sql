-- What a query set for the whole session would be found by the next one that the pooler gives it to.
reset all
