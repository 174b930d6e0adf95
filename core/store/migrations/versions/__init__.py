"""One migration a file; those that are plain DDL keep it in a .sql file beside them."""
