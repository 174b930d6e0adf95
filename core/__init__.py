"""The engine of jobsched: knows no terminal, no screen and no wire protocol."""
