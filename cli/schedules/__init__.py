"""What the verbs of `jobsched cron` are made of: files of schedules, words and flags, records."""
