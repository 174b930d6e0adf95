"""Archives: jobs that ended long ago, moved from the store into files in the object store, and back.

`archiving` moves them out, `reading` lists, checks and restores, `file` is how a file is written. A job is
deleted only by the transaction that remembers its file, and only after that file has been read back and found
to be what was written; so it is in the store or in exactly one file, whatever dies.
"""
