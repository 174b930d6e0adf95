fetch forward {rows} from jobsched_rows
