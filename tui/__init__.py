"""The screens: `jobsched tui`. The only room that knows Textual; only `feed` calls the use cases."""
