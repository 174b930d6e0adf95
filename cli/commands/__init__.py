"""One verb a file, each imported only when it is called."""
