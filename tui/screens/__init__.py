"""One screen a file. They know the widgets and the feed, and not each other."""
