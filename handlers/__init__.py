"""The job types that come with jobsched: one file each."""
