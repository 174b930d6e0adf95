# bash completion for jobsched; made from the jobsched command tree by `make generated`, not to be edited.

_jobsched_verbs() {
    case "$1" in
        ('')
            REPLY='submit	Submit a job, a command behind --, or a file of jobs
ls	Jobs, newest first; counts with --count
show	A job in full: record, attempts, output, what to do next
logs	What a job said while it ran; -f follows it
tail	Live: every job that ends, every attempt that fails
wait	Wait until jobs have ended; the exit code says how
why	Why a job is not running, and what to do about it
dlq	Dead letters: look, retry, discard, export
cancel	Cancel jobs, waiting or running
retry	Queue jobs again; those that wait for their time, now
hold	Hold jobs: they wait until they are released
release	Release held jobs
move	Move jobs: to another queue, to another priority
undo	Undo a change to jobs
ops	Changes that people made to jobs
worker	Run jobs in the foreground; Ctrl-C drains
workers	Workers: list them, drain one, stop one
queue	Queues: what is in them; limits, pause, drain, resume, purge
cron	Schedules: add, list and change them; fire them when they …
handlers	Job types: which there are, what their payloads hold
tui	Watch and steer everything on one screen
demo	Run real jobs in a scratch store of its own, in under a …
doctor	Look for what is wrong around jobsched: store, server, …
verify	Check that what the store holds came about by the rules
archive	Archives: files of jobs that ended long ago; look into …
db	The store: start, stop, describe, upgrade and check it
db-tx	Databases that db_tx jobs may change: prepare them, list …
config	Settings: list, get, explain where a value came from
completion	Completion for bash, zsh and fish: print the script, or …
schema	JSON Schema of every JSON output: list the kinds, print one
bench	Measure this machine'\''s jobsched beside its raw Postgres
chaos	Break a scratch store'\''s workers and server in every way, …
help	Topics: exit-codes, output, selection, times, schedules, …
' ;;
        ('dlq')
            REPLY='ls	Dead jobs, newest first; --by error groups those that …
show	Show dead jobs in full; of a fingerprint, an example
retry	Queue dead jobs again, with fresh attempts; with --canary …
discard	Take dead jobs out of the dead-letter queue: they become …
export	Write dead jobs with their attempts and output to stdout, …
' ;;
        ('ops')
            REPLY='ls	What was done to jobs in the last week, newest first, by …
' ;;
        ('workers')
            REPLY='ls	Workers that have not ended, with how long ago they were …
drain	Let a worker finish what it runs, take nothing new, and end
stop	Stop a worker: what it runs is handed back without using …
' ;;
        ('queue')
            REPLY='ls	Queues with what waits and runs in them
pause	Let no job of the queue start; those that run go on
resume	Let the queue'\''s jobs start again
set	Set a queue'\''s limits; the queue is made if need be
purge	Cancel every waiting job of the queue; those that run go on
drain	Pause the queue, and wait until none of its jobs runs; …
' ;;
        ('cron')
            REPLY='run	Fire schedules when they are due, until told to stop
add	Add a schedule, which makes a job at each tick of EXPR
edit	Change what is given of a schedule, and nothing else
ls	Schedules by name, with their next tick and their newest job
show	A schedule in full, with its next and its newest ticks
rm	Remove schedules, and what is known of their ticks. Jobs …
pause	Let schedules make no jobs until `cron resume`
resume	Let schedules make jobs again, from now on
trigger	Make a schedule'\''s job now, besides those of its ticks
next	Ticks to come: local time, UTC, and clocks that change
history	Ticks that have passed, and what became of them
check	Look for ticks that were missed, came late, or never will
backfill	Make the jobs of ticks that have passed and have none
apply	Make schedules be as a TOML file has them
export	Write schedules as TOML for `cron apply`
import	Make schedules of `command` jobs from a crontab
' ;;
        ('handlers')
            REPLY='ls	Job types known here: built in, from installed packages, …
show	A type'\''s payload fields, an example, and the line that …
' ;;
        ('archive')
            REPLY='ls	Files of archived jobs, newest first
show	What is known of archives, or which jobs are in them
verify	Read archives back, and compare SHA-256 and count
restore	Put archived jobs back into the store, as they were
' ;;
        ('db')
            REPLY='up	Start the embedded store if it is not running, and print …
down	Stop the embedded store. Its data stays
status	Where the store is and what runs there. Exit 1 if it is an …
upgrade	Raise the store'\''s schema to this program'\''s; print its …
check	Check server, schema, and every invariant of `jobsched …
grant	Let a database role look, or look and submit
' ;;
        ('db-tx')
            REPLY='init	Make the table that records which jobs were applied
ls	Databases that the settings name, and if jobs can use them
prune	Delete the rows of jobs that no attempt can run again
' ;;
        ('config')
            REPLY='list	Every setting, its value and the layer that it came from
get	The value of one setting, bare; nothing where it is not …
explain	What a setting means, its value, and which layer won
profiles	Profiles that the files have, and the one in use: settings …
' ;;
        ('bench')
            REPLY='drain	How fast workers empty a full queue of no-ops, and where …
enqueue	How fast jobs get in: one at a time, by the thousand, by …
latency	How long a job waits for an idle worker
pinned	What a session that holds an old snapshot costs
' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_flags() {
    case "$1" in
        ('-')
            REPLY='--output	auto, table, wide, tsv, csv, json, jsonl, yaml, id or …
-o	auto, table, wide, tsv, csv, json, jsonl, yaml, id or …
--quiet	bare ids only (-o id)
-q	bare ids only (-o id)
--fields	these fields, in this order; without a value: list them
--no-header	no header line
--color	auto, always or never
--time	relative, local, utc or epoch
--yes	don'\''t ask before big changes
-y	don'\''t ask before big changes
--no-input	never ask anything
--verbose	say more on stderr
-v	say more on stderr
--profile	settings of [profile.PROFILE]; before JOBSCHED_PROFILE
-p	settings of [profile.PROFILE]; before JOBSCHED_PROFILE
--database-url	the store; better JOBSCHED_DATABASE_URL, which `ps` …
--import	a Python module with handlers of yours (may be repeated)
' ;;
        ('archive ls')
            REPLY='--limit	At most so many
-l	At most so many
--before	Only older ones
' ;;
        ('archive restore')
            REPLY='--job	Only this job (repeatable)
--keep	Safe from retention and archival for so long
--foreign	It may be from another store
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('archive show')
            REPLY='--job	The files that this job is in
--jobs	The jobs in these files, read from the object store
' ;;
        ('bench drain')
            REPLY='--jobs	How many no-ops to drain
--workers	One run for each
--concurrency	Of each worker
-c	Of each worker
--repeat	Runs of each kind
--history	Finished jobs that are there before
--store	Measure in this store instead of a scratch one
' ;;
        ('bench enqueue')
            REPLY='--jobs	For the bulk ways
--seconds	For one at a time, and its limit
--store	Measure in this store instead of a scratch one
' ;;
        ('bench latency')
            REPLY='--jobs	How many, one at a time
--workers	How many stand idle
--concurrency	Of each worker
-c	Of each worker
--store	Measure in this store instead of a scratch one
' ;;
        ('bench pinned')
            REPLY='--seconds	Of each run
--workers	Workers at full speed
--concurrency	Of each worker
-c	Of each worker
--store	Measure in this store instead of a scratch one
' ;;
        ('cancel')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--state	In this state (repeatable)
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--reason	Kept with the job
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('chaos')
            REPLY='--minutes	How long things break
--seed	The same seed makes the same plan. Default: random
--workers	Worker processes
--pace	Seconds between two faults, on average
--plan	Show what would be broken when, and do nothing
--bulk	Only batches of small jobs, a thousand a second
--store	In this new folder, which is kept; default: a temporary one
--disk	Mount point of a small, empty file system, to be filled up …
' ;;
        ('completion')
            REPLY='--install	Write it to where the shell looks for it
' ;;
        ('cron add')
            REPLY='--at	Once, in EXPR'\''s place: 14:30, tomorrow 09:00, ISO
--tz	EXPR'\''s zone, as Europe/Athens; default UTC
--jitter	Each job runs up to so much later
--start	No tick before
--end	No tick after
--catchup	Ticks that no scheduler was there for: none, last, all
--overlap	While a job runs: allow, skip, buffer-one, cancel-other
--args	The payload: JSON, @FILE or -
--queue	Default: the type'\''s
-Q	Default: the type'\''s
--priority	critical, high, default, low
--max-attempts	1 to 100
--backoff	exponential:5s..10m, fixed:30s …
--timeout	Of each attempt
--unique	One active job a key
--concurrency-key	One running job a key: queue set --key-limit
--tag	Repeatable
--unchecked	Even if nobody knows type or payload
--env	For a command
--cwd	For a command
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron apply')
            REPLY='--file	TOML; - is stdin
-f	TOML; - is stdin
--prune	Remove schedules that are not in it
--unchecked	Even if nobody knows type or payload
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron backfill')
            REPLY='--from	From this tick on: 2d ago, or a time
--to	Up to, without it: default now
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron edit')
            REPLY='--rename	Another name
--type	What to run
--unset	Default again: timeout, end …; payload.KEY: away
--at	Once, in EXPR'\''s place: 14:30, tomorrow 09:00, ISO
--tz	EXPR'\''s zone, as Europe/Athens; default UTC
--jitter	Each job runs up to so much later
--start	No tick before
--end	No tick after
--catchup	Ticks that no scheduler was there for: none, last, all
--overlap	While a job runs: allow, skip, buffer-one, cancel-other
--args	The payload: JSON, @FILE or -
--queue	Default: the type'\''s
-Q	Default: the type'\''s
--priority	critical, high, default, low
--max-attempts	1 to 100
--backoff	exponential:5s..10m, fixed:30s …
--timeout	Of each attempt
--unique	One active job a key
--concurrency-key	One running job a key: queue set --key-limit
--tag	Repeatable
--unchecked	Even if nobody knows type or payload
--env	For a command
--cwd	For a command
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron history')
            REPLY='--state	Repeatable
--limit	At most so many
-l	At most so many
--before	Only ticks before
' ;;
        ('cron import')
            REPLY='--system	Lines have a user field; default: by the file'\''s place
--no-system	Lines have a user field; default: by the file'\''s place
--user	Of the user field: only this one'\''s lines
--any-user	Whoever it names: jobs run as their worker'\''s user
--tz	Where CRON_TZ says none; default: this machine'\''s
--queue	Default: the type'\''s
-Q	Default: the type'\''s
--partial	Leave out what cannot be taken: exit 5
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron next')
            REPLY='--number	So many
-n	So many
--tz	EXPR'\''s zone; of a NAME, whose clocks to show
--from	Look from then on; default: now
' ;;
        ('cron pause')
            REPLY='--reason	Shown to whoever wonders
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron resume')
            REPLY='--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron rm')
            REPLY='--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('cron run')
            REPLY='--name	Default: host and process id
--metrics-port	Serve /metrics, /health, /ready; 0: any
--metrics-host	Address to serve them on
--log-format	console or json
--log-level	debug, info, warning or error
' ;;
        ('cron trigger')
            REPLY='--wait	Until it has ended: exit 0 or 1
--wait-timeout	Then exit 124
--follow	Wait, and show its output as it comes
--propagate	Wait; exit with the job'\''s own code
' ;;
        ('db grant')
            REPLY='--as	What the role may do
' ;;
        ('db up')
            REPLY='--show-password	Print the URL as other programs need it
' ;;
        ('db-tx init')
            REPLY='--print	Print the SQL for somebody else to run
--grant	The role that workers connect with may use it
' ;;
        ('db-tx prune')
            REPLY='--older-than	90d, 12h, …
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('demo')
            REPLY='--keep	Leave store and worker running
--store	In this folder; default: a new temporary one
' ;;
        ('dlq discard')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--all	Every dead job
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('dlq export')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
' ;;
        ('dlq ls')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--by	One line for each kind of error
--limit	At most so many
-l	At most so many
' ;;
        ('dlq retry')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--all	Every dead job
--canary	N of them first; the rest if those succeed
--rate	No more than so many a second
--timeout	With --canary: how long to wait for those
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('dlq show')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
' ;;
        ('doctor')
            REPLY='--write	Also put, read and delete a tiny object
' ;;
        ('hold')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--state	In this state (repeatable)
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('logs')
            REPLY='--follow	Until the jobs have ended
-f	Until the jobs have ended
--attempt	Of this attempt only
--timestamps	When each line came
--prefix	The job'\''s id before each line
--propagate	With -f: exit with the job'\''s exit code
' ;;
        ('ls')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--state	In this state (repeatable)
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--limit	At most so many
-l	At most so many
--before	Only jobs with smaller ids
--sort	Smallest first; -FIELD: largest (run, age, priority …)
--count	How many jobs there are, not which
--group-by	One count for each queue, state, type, error; implies …
--watch	Again and again; in a pipe: what changes, as JSON lines
--every	With --watch: how often
--fail-if-any	Exit 1 if a job matches
--fail-if-none	Exit 1 if no job matches
' ;;
        ('move')
            REPLY='--to	Their queue from now on
--priority	Their priority: critical, high, default, low
--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--state	In this state (repeatable)
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('ops ls')
            REPLY='--mine	Only yours
--limit	At most so many
-l	At most so many
' ;;
        ('queue drain')
            REPLY='--reason	Shown to whoever wonders
--timeout	Exit 124 where jobs still run after it
' ;;
        ('queue pause')
            REPLY='--reason	Shown to whoever wonders
--until	Resume by itself: 1h from now, or a time
' ;;
        ('queue purge')
            REPLY='--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('queue set')
            REPLY='--max-running	Jobs at a time, over all workers; none: no limit
--rate	Starts: 10/s, 100/m, 1/90s; none: no limit
--burst	Starts at once; default: a second'\''s worth of --rate
--key-limit	Jobs of one concurrency key at a time
' ;;
        ('release')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('retry')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--state	In this state (repeatable)
--queue	In this queue
-Q	In this queue
--type	Of this type
--tag	With this tag
--since	Submitted since: 1h, or a time
--allow-empty	Selecting nothing is fine: exit 0
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('show')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
' ;;
        ('submit')
            REPLY='--args	The payload: JSON, @FILE or -
--queue	Default: the type'\''s
-Q	Default: the type'\''s
--priority	critical, high, default, low
--max-attempts	1 to 100; 1 with --propagate
--backoff	exponential:5s..10m, fixed:30s …
--timeout	Of each attempt
--at	Not before: 14:30, tomorrow 09:00, ISO
--in	Not before so long from now
--key	The same key makes one job
--after	Once that job has ended so
--unique	One active job a key
--concurrency-key	One running job a key: queue set --key-limit
--hold	Not before somebody releases it
--tag	Repeatable
--unchecked	Even if nobody knows type or payload
--env	For a command
--cwd	For a command
--batch	One job a line, as JSON; - is stdin
--atomic	With --batch: all or none
--wait	Until it has ended: exit 0 or 1
--wait-timeout	Then exit 124
--follow	Wait, and show its output as it comes
--propagate	Wait; exit with the job'\''s own code
--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('tail')
            REPLY='--number	Stop after so many events
-n	Stop after so many events
--since	Go on after the `cursor` of an event seen before
--queue	In this queue
-Q	In this queue
--type	Of this type
' ;;
        ('tui')
            REPLY='--view	Where to begin: overview, queues, jobs, workers, dead, …
--filter	Begin with these jobs (jobsched help selection)
-f	Begin with these jobs (jobsched help selection)
--read-only	Look, and change nothing
--refresh	How often to look: 250ms to 30s
--ascii	Nothing beyond ASCII, as with LANG=C
--plain	Lines and a numbered menu: for screen readers and dumb …
--keys	List the keys, by the names that [keymap] knows
' ;;
        ('undo')
            REPLY='--dry-run	show what would be done; change nothing
-n	show what would be done; change nothing
' ;;
        ('verify')
            REPLY='--since	Only jobs submitted since: 1h, or a time
--limit	Violations of each invariant to show
-l	Violations of each invariant to show
--violations	Write violations (job and facts), not what was checked
' ;;
        ('wait')
            REPLY='--filter	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
-f	As in '\''state:dead error~timeout age>2h'\'' (jobsched help …
--for	done, ok, running, state=dead,cancelled, count<10
--timeout	Give up after this long (exit 124)
--any	Until one of them has got there
--all	Until all of them have: the default
--fail-fast	Exit 1 as soon as one did not succeed
--propagate	Exit with the job'\''s own exit code
--allow-empty	Selecting nothing is fine: exit 0
' ;;
        ('worker')
            REPLY='--concurrency	Jobs at once
-c	Jobs at once
--queues	Only these; default: all
-Q	Only these; default: all
--name	Default: host and process id
--allow-commands	Run programs that submitters choose (type `command`)
--max-rss	Memory of a runner: 512MB
--drain-timeout	How long stopping may take
--metrics-port	Serve /metrics, /health, /ready; 0: any
--metrics-host	Address to serve them on
--cron	Fire schedules too, as `jobsched cron run` does
--burst	End when nothing is left to do
--max-jobs	End after so many jobs
--lease	How long its jobs stay its own when it falls silent
--log-format	console or json
--log-level	debug, info, warning or error
' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_value() {
    case "$1 $2" in
        ('submit --hold'|'submit --unchecked'|'submit --atomic'|'submit --wait'|'submit --follow'|'submit --propagate'|'submit -n'|'submit --dry-run'|'ls --count'|'ls --watch'|'ls --fail-if-any'|'ls --fail-if-none'|'logs -f'|'logs --follow'|'logs --timestamps'|'logs --prefix'|'logs --propagate'|'wait --any'|'wait --all'|'wait --fail-fast'|'wait --propagate'|'wait --allow-empty'|'dlq retry --all'|'dlq retry --allow-empty'|'dlq retry -n'|'dlq retry --dry-run'|'dlq discard --all'|'dlq discard --allow-empty'|'dlq discard -n'|'dlq discard --dry-run'|'cancel --allow-empty'|'cancel -n'|'cancel --dry-run'|'retry --allow-empty'|'retry -n'|'retry --dry-run'|'hold --allow-empty'|'hold -n'|'hold --dry-run'|'release --allow-empty'|'release -n'|'release --dry-run'|'move --allow-empty'|'move -n'|'move --dry-run'|'undo -n'|'undo --dry-run'|'ops ls --mine'|'worker --allow-commands'|'worker --cron'|'worker --burst'|'queue purge -n'|'queue purge --dry-run'|'cron add --unchecked'|'cron add -n'|'cron add --dry-run'|'cron edit --unchecked'|'cron edit -n'|'cron edit --dry-run'|'cron rm -n'|'cron rm --dry-run'|'cron pause -n'|'cron pause --dry-run'|'cron resume -n'|'cron resume --dry-run'|'cron trigger --wait'|'cron trigger --follow'|'cron trigger --propagate'|'cron backfill -n'|'cron backfill --dry-run'|'cron apply --prune'|'cron apply --unchecked'|'cron apply -n'|'cron apply --dry-run'|'cron import --no-system'|'cron import --system'|'cron import --any-user'|'cron import --partial'|'cron import -n'|'cron import --dry-run'|'tui --read-only'|'tui --ascii'|'tui --plain'|'tui --keys'|'demo --keep'|'doctor --write'|'verify --violations'|'archive show --jobs'|'archive restore --foreign'|'archive restore -n'|'archive restore --dry-run'|'db up --show-password'|'db-tx init --print'|'db-tx prune -n'|'db-tx prune --dry-run'|'completion --install'|'chaos --plan'|'chaos --bulk')
            REPLY='' ;;
        ('submit --args'|'submit --max-attempts'|'submit --backoff'|'submit --timeout'|'submit --at'|'submit --in'|'submit --key'|'submit --after'|'submit --unique'|'submit --concurrency-key'|'submit --env'|'submit --wait-timeout'|'ls --since'|'ls -l'|'ls --limit'|'ls --every'|'logs --attempt'|'tail -n'|'tail --number'|'tail --since'|'wait --for'|'wait --timeout'|'dlq ls --since'|'dlq ls -l'|'dlq ls --limit'|'dlq retry --since'|'dlq retry --canary'|'dlq retry --rate'|'dlq retry --timeout'|'dlq discard --since'|'dlq export --since'|'cancel --since'|'cancel --reason'|'retry --since'|'hold --since'|'release --since'|'move --since'|'ops ls -l'|'ops ls --limit'|'worker -c'|'worker --concurrency'|'worker --name'|'worker --max-rss'|'worker --drain-timeout'|'worker --metrics-port'|'worker --metrics-host'|'worker --max-jobs'|'worker --lease'|'queue pause --reason'|'queue pause --until'|'queue set --max-running'|'queue set --rate'|'queue set --burst'|'queue set --key-limit'|'queue drain --reason'|'queue drain --timeout'|'cron run --name'|'cron run --metrics-port'|'cron run --metrics-host'|'cron add --at'|'cron add --tz'|'cron add --jitter'|'cron add --start'|'cron add --end'|'cron add --args'|'cron add --max-attempts'|'cron add --backoff'|'cron add --timeout'|'cron add --unique'|'cron add --concurrency-key'|'cron add --env'|'cron edit --rename'|'cron edit --unset'|'cron edit --at'|'cron edit --tz'|'cron edit --jitter'|'cron edit --start'|'cron edit --end'|'cron edit --args'|'cron edit --max-attempts'|'cron edit --backoff'|'cron edit --timeout'|'cron edit --unique'|'cron edit --concurrency-key'|'cron edit --env'|'cron pause --reason'|'cron trigger --wait-timeout'|'cron next -n'|'cron next --number'|'cron next --tz'|'cron next --from'|'cron history -l'|'cron history --limit'|'cron history --before'|'cron backfill --from'|'cron backfill --to'|'cron import --user'|'cron import --tz'|'tui --view'|'tui --refresh'|'verify --since'|'verify -l'|'verify --limit'|'archive ls -l'|'archive ls --limit'|'archive ls --before'|'archive restore --keep'|'db-tx init --grant'|'db-tx prune --older-than'|'bench drain --jobs'|'bench drain --workers'|'bench drain -c'|'bench drain --concurrency'|'bench drain --repeat'|'bench drain --history'|'bench drain --store'|'bench enqueue --jobs'|'bench enqueue --seconds'|'bench enqueue --store'|'bench latency --jobs'|'bench latency --workers'|'bench latency -c'|'bench latency --concurrency'|'bench latency --store'|'bench pinned --seconds'|'bench pinned --workers'|'bench pinned -c'|'bench pinned --concurrency'|'bench pinned --store'|'chaos --minutes'|'chaos --seed'|'chaos --workers'|'chaos --pace')
            REPLY='-' ;;
        ('dlq ls --by')
            REPLY='-=error' ;;
        ('cron history --state')
            REPLY='-=fired|skipped|missed' ;;
        ('db grant --as')
            REPLY='-=viewer|submitter|none' ;;
        ('cron add --catchup'|'cron edit --catchup')
            REPLY='-catchups' ;;
        ('ls --sort')
            REPLY='-fields' ;;
        ('submit --batch'|'cron apply -f'|'cron apply --file')
            REPLY='-files' ;;
        ('submit --cwd'|'cron add --cwd'|'cron edit --cwd'|'demo --store'|'chaos --store'|'chaos --disk')
            REPLY='-folders' ;;
        ('ls --group-by')
            REPLY='-groups,' ;;
        ('ls --before'|'archive show --job'|'archive restore --job')
            REPLY='-ids' ;;
        ('worker --log-format'|'cron run --log-format')
            REPLY='-log-formats' ;;
        ('worker --log-level'|'cron run --log-level')
            REPLY='-log-levels' ;;
        ('cron add --overlap'|'cron edit --overlap')
            REPLY='-overlaps' ;;
        ('submit --priority'|'move --priority'|'cron add --priority'|'cron edit --priority')
            REPLY='-priorities' ;;
        ('submit -Q'|'submit --queue'|'ls -Q'|'ls --queue'|'tail -Q'|'tail --queue'|'dlq ls -Q'|'dlq ls --queue'|'dlq retry -Q'|'dlq retry --queue'|'dlq discard -Q'|'dlq discard --queue'|'dlq export -Q'|'dlq export --queue'|'cancel -Q'|'cancel --queue'|'retry -Q'|'retry --queue'|'hold -Q'|'hold --queue'|'release -Q'|'release --queue'|'move --to'|'move -Q'|'move --queue'|'cron add -Q'|'cron add --queue'|'cron edit -Q'|'cron edit --queue'|'cron import -Q'|'cron import --queue')
            REPLY='-queues' ;;
        ('worker -Q'|'worker --queues')
            REPLY='-queues,' ;;
        ('ls --state'|'cancel --state'|'retry --state'|'hold --state'|'move --state')
            REPLY='-states,' ;;
        ('submit --tag'|'ls --tag'|'dlq ls --tag'|'dlq retry --tag'|'dlq discard --tag'|'dlq export --tag'|'cancel --tag'|'retry --tag'|'hold --tag'|'release --tag'|'move --tag'|'cron add --tag'|'cron edit --tag')
            REPLY='-tags' ;;
        ('ls -f'|'ls --filter'|'show -f'|'show --filter'|'wait -f'|'wait --filter'|'dlq ls -f'|'dlq ls --filter'|'dlq show -f'|'dlq show --filter'|'dlq retry -f'|'dlq retry --filter'|'dlq discard -f'|'dlq discard --filter'|'dlq export -f'|'dlq export --filter'|'cancel -f'|'cancel --filter'|'retry -f'|'retry --filter'|'hold -f'|'hold --filter'|'release -f'|'release --filter'|'move -f'|'move --filter'|'tui -f'|'tui --filter')
            REPLY='-terms' ;;
        ('ls --type'|'tail --type'|'dlq ls --type'|'dlq retry --type'|'dlq discard --type'|'dlq export --type'|'cancel --type'|'retry --type'|'hold --type'|'release --type'|'move --type'|'cron edit --type')
            REPLY='-types' ;;
        (*' -o'|*' --output')
            REPLY='-formats' ;;
        (*' --fields')
            REPLY='-' ;;
        (*' --color')
            REPLY='-colours' ;;
        (*' --time')
            REPLY='-time-styles' ;;
        (*' -p'|*' --profile')
            REPLY='-profiles' ;;
        (*' --database-url')
            REPLY='-' ;;
        (*' --import')
            REPLY='-' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_place() {
    case "$1 $2" in
        ('submit --')
            REPLY='program' ;;
        ('submit 0')
            REPLY='types' ;;
        ('submit '*)
            REPLY='fields' ;;
        ('ls '*)
            REPLY='ids' ;;
        ('show '*)
            REPLY='ids' ;;
        ('logs '*)
            REPLY='ids' ;;
        ('wait '*)
            REPLY='ids' ;;
        ('why '*)
            REPLY='ids' ;;
        ('dlq show '*)
            REPLY='dead' ;;
        ('dlq retry '*)
            REPLY='dead' ;;
        ('dlq discard '*)
            REPLY='dead' ;;
        ('dlq export '*)
            REPLY='dead' ;;
        ('cancel '*)
            REPLY='ids' ;;
        ('retry '*)
            REPLY='ids' ;;
        ('hold '*)
            REPLY='ids' ;;
        ('release '*)
            REPLY='ids' ;;
        ('move '*)
            REPLY='ids' ;;
        ('workers drain 0')
            REPLY='workers' ;;
        ('workers stop 0')
            REPLY='workers' ;;
        ('queue pause 0')
            REPLY='queues' ;;
        ('queue resume 0')
            REPLY='queues' ;;
        ('queue set 0')
            REPLY='queues' ;;
        ('queue purge 0')
            REPLY='queues' ;;
        ('queue drain 0')
            REPLY='queues' ;;
        ('cron add --')
            REPLY='program' ;;
        ('cron edit --')
            REPLY='program' ;;
        ('cron edit 0')
            REPLY='schedules' ;;
        ('cron show 0')
            REPLY='schedules' ;;
        ('cron rm '*)
            REPLY='schedules' ;;
        ('cron pause '*)
            REPLY='schedules' ;;
        ('cron resume '*)
            REPLY='schedules' ;;
        ('cron trigger 0')
            REPLY='schedules' ;;
        ('cron next 0')
            REPLY='schedules' ;;
        ('cron history 0')
            REPLY='schedules' ;;
        ('cron backfill 0')
            REPLY='schedules' ;;
        ('cron export '*)
            REPLY='schedules' ;;
        ('cron import 0')
            REPLY='files' ;;
        ('handlers show 0')
            REPLY='types' ;;
        ('config get 0')
            REPLY='settings' ;;
        ('config explain 0')
            REPLY='settings' ;;
        ('completion 0')
            REPLY='=bash|zsh|fish' ;;
        ('schema 0')
            REPLY='kinds' ;;
        ('help 0')
            REPLY='topics' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_payload() {
    case "$1" in
        ('command')
            REPLY='argv:=	the program and its arguments
env:=	added to a clean environment
cwd=	working directory; default: the worker'\''s
stdin=	text for standard input; default: none, it is empty
' ;;
        ('cpu_intensive')
            REPLY='payload=	any text; if it contains invalid_job, the attempt fails
seconds:=	CPU time to use up; default: 1
rounds:=	megabytes to hash
' ;;
        ('data_archival')
            REPLY='older_than=	since a job'\''s end: 30d, 12h, 0s
states:=	how they ended
queue=	only jobs of this queue
type=	only jobs of this type
tag=	only jobs with this tag
format=	JSON Lines, or one JSON document; gzipped
batch:=	most jobs in a file
limit:=	most jobs in all
bucket=	a bucket of the object store
prefix=	of the files'\'' keys
' ;;
        ('db_tx')
            REPLY='query=	one statement, with $1, $2 …
params:=	values for $1, $2 …: text, numbers, true, false, null, …
connection=	a name among the operator'\''s databases
statement_timeout:=	seconds the query may take
lock_timeout:=	seconds the query may wait for a lock
' ;;
        ('default')
            REPLY='payload=	any text; if it contains invalid_job, the attempt fails
' ;;
        ('email')
            REPLY='to=	one address, or a list
recipient=	another name of `to`
cc=	who gets a copy
bcc=	who gets one that the others do not know of
reply_to=	where answers go; default: to the sender
sender=	From: of the mail; default: the setting email.sender
subject=	default: the template'\''s; of a plain message, its first line
message=	plain text; a template that has more to say says it as well
template=	welcome, reset_password, invoice, message, or one of the …
data:=	fields of the template; never shown, since links to reset …
attachments:=	objects that go with it
' ;;
        ('export_user_data')
            REPLY='query=	a name among the operator'\''s queries
params:=	values for $1, $2 …: text, numbers, true, false, null, …
format=	json is one array, jsonl an object a line
null=	what stands for null in CSV
bucket=	a bucket of the object store
key=	of the file; default: <query>/<job id>.<format>
' ;;
        ('http_call')
            REPLY='url=	an http(s) URL
method=	
headers:=	headers to send; never shown, since credentials live here
body=	text; its type is text/plain unless headers say otherwise
json:=	any JSON value, sent as application/json
expect:=	statuses that are a success: 200, "2xx", or a list of such
timeout:=	seconds in all, or 30s, 2m; at most the setting …
follow_redirects:=	
' ;;
        ('image_resize')
            REPLY='url=	http(s) URL of the image; or give bucket and key
bucket=	bucket of the object store in which the image is
key=	its key there
sizes:=	the new images
output_bucket=	a bucket of the object store
output_prefix=	folder of the new images; default: resized/<job id>
' ;;
        ('io_intensive')
            REPLY='payload=	any text; if it contains invalid_job, the attempt fails
megabytes:=	size of the file
rounds:=	how often it is written and read
' ;;
        ('mixed_workload')
            REPLY='payload=	any text; if it contains invalid_job, the attempt fails
seconds:=	CPU time to use up
megabytes:=	to write to the disk and read back
requests:=	to a TCP server of the job'\''s own
kilobytes:=	sent there and back by each request
' ;;
        ('network_intensive')
            REPLY='payload=	any text; if it contains invalid_job, the attempt fails
url=	what to GET; default: nothing, the job talks to itself
requests:=	one after the other
kilobytes:=	sent there and back by each request
' ;;
        ('pdf_invoice')
            REPLY='number=	letters, digits, . _ and -; the file is …
date=	
due_date=	
seller:=	
buyer:=	
brand:=	
currency=	ISO 4217
items:=	the lines of the invoice
discount:=	off the whole, spread over the tax rates
notes=	
' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_term() {
    case "$1" in
        ('state')
            REPLY='states,' ;;
        ('queue')
            REPLY='queues,' ;;
        ('type')
            REPLY='types,' ;;
        ('tag')
            REPLY='tags,' ;;
        ('priority')
            REPLY='priorities,' ;;
        ('worker')
            REPLY='workers,' ;;
        ('schedule')
            REPLY='schedules,' ;;
        ('name')
            REPLY='types,' ;;
        ('tags')
            REPLY='tags,' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_static() {
    case "$1" in
        ('=bash|zsh|fish')
            REPLY='bash	
zsh	
fish	
' ;;
        ('=error')
            REPLY='error	
' ;;
        ('=fired|skipped|missed')
            REPLY='fired	
skipped	
missed	
' ;;
        ('=viewer|submitter|none')
            REPLY='viewer	
submitter	
none	
' ;;
        ('catchups')
            REPLY='none	
last	
all	
' ;;
        ('colours')
            REPLY='auto	
always	
never	
' ;;
        ('dead')
            REPLY='@last	the job that was submitted last
' ;;
        ('formats')
            REPLY='auto	
table	
wide	
json	
jsonl	
yaml	
csv	
tsv	
id	
template=	
' ;;
        ('groups')
            REPLY='queue	
state	
type	
error	
' ;;
        ('ids')
            REPLY='@last	the job that was submitted last
' ;;
        ('kinds')
            REPLY='archive	
archive.job	
archive.job.list	
archive.list	
archive.restored	
archive.restored.list	
archive.verified	
archive.verified.list	
bench	
bench.list	
breach	
breach.list	
chaos	
chaos.list	
chaos.plan	
chaos.plan.list	
count	
count.list	
database	
database.list	
database.pruned	
database.pruned.list	
demo	
demo.list	
dlq.group	
dlq.group.list	
error	
event	
event.list	
finding	
finding.list	
handler	
handler.list	
invariant	
invariant.list	
job	
job.list	
job.output	
job.output.list	
job.preview	
job.preview.list	
job.result	
job.result.list	
job.selected	
job.selected.list	
job.submitted	
job.submitted.list	
operation	
operation.list	
profile	
profile.list	
queue	
queue.list	
queue.purged	
queue.purged.list	
reason	
reason.list	
schedule	
schedule.change	
schedule.change.list	
schedule.list	
schedule.preview	
schedule.preview.list	
schedule.result	
schedule.result.list	
schedule.selected	
schedule.selected.list	
schedule.trouble	
schedule.trouble.list	
schema	
schema.list	
setting	
setting.list	
store	
store.list	
submit.result	
submit.result.list	
tick	
tick.list	
tick.next	
tick.next.list	
tui.key	
tui.key.list	
violation	
violation.list	
worker	
worker.list	
' ;;
        ('log-formats')
            REPLY='console	
json	
' ;;
        ('log-levels')
            REPLY='debug	
info	
warning	
error	
' ;;
        ('overlaps')
            REPLY='allow	
skip	
buffer-one	
cancel-other	
' ;;
        ('priorities')
            REPLY='critical	
high	
default	
low	
' ;;
        ('settings')
            REPLY='database_url	PostgreSQL URL of the store; without it jobsched starts …
direct_url	URL that bypasses a connection pooler, for LISTEN
home	folder of the embedded store, objects and outbox
pg_bin	folder of postgres, initdb and pg_ctl for the embedded store
imports	Python modules with handlers of your own, comma-separated
connect_timeout	how long a command waits for the store
lease	how long a silent worker keeps its jobs
poll	how often a worker looks for jobs when nobody wakes it
aging	how long a job may wait behind higher priorities before it …
drain_timeout	how long a stopping worker lets running jobs finish
crash_limit	how often a job may kill its runner while alone
lost_limit	how often a job'\''s worker may vanish
retention.succeeded	how long succeeded and cancelled jobs are kept; 0 keeps them
retention.dead	how long dead jobs are kept; 0 keeps them
retention.idempotency	how long an idempotency key is remembered after its job …
retention.ticks	how long it is remembered what became of schedules'\'' ticks; …
cron.grace	how late a tick may fire; after that it counts as missed, …
objects.dir	folder for objects when no S3 endpoint is set
objects.endpoint	S3 endpoint, https://host[:port]
objects.access_key	S3 access key
objects.secret_key	S3 secret key
objects.region	S3 region
fetch.allow	hosts or networks (CIDR) that jobs may reach although they …
fetch.max_bytes	largest body that a job may fetch
fetch.timeout	longest time for a fetch, redirects included
http.max_response	how much of a response an http_call records
databases	databases that db_tx and export_user_data may use: name = …
queries	queries that export_user_data may run: name = "DATABASE: …
email.transport	auto: Resend if there is a key, else SMTP if there is a …
email.sender	From: of mail whose payload names nobody
email.outbox	folder for .eml files; default: outbox in home
email.templates	folder with templates of your own that replace the …
email.resend_key	Resend API key
email.resend_url	Resend API
email.smtp_host	SMTP server
email.smtp_port	SMTP port
email.smtp_security	starttls (port 587), tls from the first byte (465), or none
email.smtp_ca	file with the certificates to trust; default: the system'\''s
email.smtp_user	SMTP user
email.smtp_password	SMTP password
images.max_pixels	largest image that is decoded, width x height
tui.read_only	screens that change nothing, as with tui --read-only
tui.production	a store where mistakes are dear: red screens, and every …
keymap	other keys on the screens: name = "key", names as jobsched …
log.format	console or json
log.level	debug, info, warning or error
' ;;
        ('states')
            REPLY='blocked	
scheduled	
queued	
running	
retrying	
succeeded	
dead	
cancelled	
' ;;
        ('terms')
            REPLY='id:	its number: id:12,15 or 10..20; the number alone will do
id<	its number: id:12,15 or 10..20; the number alone will do
id>	its number: id:12,15 or 10..20; the number alone will do
state:	blocked, scheduled, queued, running, retrying, succeeded, …
queue:	its queue
queue~	its queue
type:	its type
type~	its type
tag:	one of its tags
tag~	one of its tags
priority:	critical, high, default, low; >=high is high and critical
priority<	critical, high, default, low; >=high is high and critical
priority>	critical, high, default, low; >=high is high and critical
submitter:	who submitted it, as name@host; @mine is you
submitter~	who submitted it, as name@host; @mine is you
worker:	the worker that has it, or had it last
worker~	the worker that has it, or had it last
attempt:	attempts used, the running one included
attempt<	attempts used, the running one included
attempt>	attempts used, the running one included
crashes:	how often it killed its runner while alone
crashes<	how often it killed its runner while alone
crashes>	how often it killed its runner while alone
losses:	how often its worker vanished
losses<	how often its worker vanished
losses>	how often its worker vanished
error:	what went wrong, once it is dead or cancelled
error~	what went wrong, once it is dead or cancelled
fingerprint:	the kind of its error, as in jobsched dlq ls --by error
fingerprint~	the kind of its error, as in jobsched dlq ls --by error
age:	since it was submitted
age<	since it was submitted
age>	since it was submitted
wait:	from queued to started
wait<	from queued to started
wait>	from queued to started
run:	how long the last attempt ran, or the running one has
run<	how long the last attempt ran, or the running one has
run>	how long the last attempt ran, or the running one has
created:	when it was submitted
created<	when it was submitted
created>	when it was submitted
started:	when its last attempt started
started<	when its last attempt started
started>	when its last attempt started
finished:	when it ended
finished<	when it ended
finished>	when it ended
due:	when it may run
due<	when it may run
due>	when it may run
schedule:	the schedule whose tick made it
schedule~	the schedule whose tick made it
tick:	which tick that was
tick<	which tick that was
tick>	which tick that was
key:	its idempotency key
key~	its idempotency key
unique:	its unique-while-active key
unique~	its unique-while-active key
concurrency:	its concurrency key
concurrency~	its concurrency key
held:	who holds it
held~	who holds it
args.	a value of its payload: args.user=42, args.a.b~x
' ;;
        ('time-styles')
            REPLY='relative	
local	
utc	
epoch	
' ;;
        ('topics')
            REPLY='exit-codes	
output	
selection	
times	
schedules	
environment	
' ;;
        ('types')
            REPLY='command	Run a program; its output goes to the job'\''s log as it …
cpu_intensive	Hash with SHA-256 on one core; jobs that run side by side …
data_archival	Move jobs that ended long ago, with all that is kept about …
db_tx	Run one query with parameters in one transaction of a …
default	Do a tenth of a second'\''s work: hash a little, write and …
email	Send a mail, HTML and text, over Resend or SMTP; with …
export_user_data	Write the rows of a named query to the object store, as …
fail	Fail while the payload contains "invalid_job", at most …
http_call	Send an HTTP request; the answer, up to a limit, is the …
image_resize	Turn one image into several sizes, upright, in sRGB, as …
io_intensive	Write a temporary file, force it to the disk, read it back …
mixed_workload	Hash, write and read a file, and talk to itself over TCP, …
network_intensive	GET a URL again and again, or send bytes through a TCP …
noop	Do nothing, successfully
pdf_invoice	Draw an invoice with totals by tax rate and store it; the …
' ;;
        (*) REPLY= ;;
    esac
}

_jobsched_alias() {
    case "$1" in
        (' ps') word=ls ;;
        (' jobs') word=ls ;;
    esac
}

# Sets REPLY to the folder in which jobsched keeps the words of the store that is meant.
_jobsched_store() {
    local url=$1 named=$2 LC_ALL=C
    REPLY=${XDG_CACHE_HOME-}
    [[ $REPLY == /* ]] || REPLY=$HOME/.cache
    REPLY+=/jobsched/words
    if [[ ! $url && ! $named ]]; then
        url=${JOBSCHED_DATABASE_URL:-${JOBSCHED_DSN-}} named=${JOBSCHED_PROFILE-}
    fi
    [[ $url ]] && named=
    case $url in
        '') if [[ $named ]]; then url=$named REPLY+=/profile-; else url=${JOBSCHED_HOME-} REPLY+=/home-; fi
            url=${url//[!A-Za-z0-9.-]/_}
            if [[ $url ]]; then REPLY+=${url:0:100}; else REPLY=${REPLY%home-}own; fi ;;
        *\?*@*) REPLY+=/url ;;
        postgresql://*|postgres://*)
            url=${url#*://} url=${url##*@} url=${url%%\?*} url=${url//[!A-Za-z0-9.-]/_}
            REPLY+=/url-${url:0:100} ;;
        *) REPLY+=/url ;;
    esac
}

# Adds to COMPREPLY what begins with $cur of the lines `word<TAB>about` in $1, each with $prefix before it.
_jobsched_offer() {
    local IFS=$'\n' LC_ALL=C lines found=() line
    case $- in *f*) lines=($1) ;; *) set -f; lines=($1); set +f ;; esac # no line is a pattern of files
    if [[ $cur ]]; then
        for line in "${lines[@]}"; do [[ $line == "$cur"* ]] && found+=("$line"); done
    else
        found=("${lines[@]}")
    fi
    abouts+=("${found[@]#*$'\t'}")
    found=("${found[@]%%$'\t'*}")
    if [[ $prefix ]]; then
        for line in "${found[@]}"; do COMPREPLY+=("$prefix$line"); done
    else
        COMPREPLY+=("${found[@]}")
    fi
}

# Adds words of the store: what is in file $1, if all of it is fit for a shell and not older than a week.
_jobsched_offer_known() {
    local LC_ALL=C text stamp
    [[ -r $1 ]] || return
    IFS= read -r -d '' text <"$1"
    stamp=${text%%$'\n'*} text=${text#*$'\n'}
    [[ $stamp == '#'[0-9]* && ${stamp#?} != *[!0-9]* && ${#stamp} -lt 16 ]] || return
    ((${EPOCHSECONDS:-0} - 10#${stamp#?} > 604800)) && return
    [[ $text == *[!A-Za-z0-9\ ._:/@+,$'\t\n'-]* || $'\n'$text == *$'\n'[!A-Za-z0-9]* ]] && return
    [[ $text =~ [^[:space:]]{129} || $'\n'$text =~ $'\n'[^$'\t\n']*' ' ]] && return
    _jobsched_offer "$text"
}

# Completes $cur as a field of the payload of $kind, or as the file that one is read from.
_jobsched_fields() {
    local REPLY
    if [[ $cur == *@* ]]; then compopt -o default 2>/dev/null; return; fi
    compopt -o nospace 2>/dev/null
    _jobsched_payload "$kind"
    _jobsched_offer "$REPLY"
}

# Completes the last term of a filter: a field with its operator, or the values of one.
_jobsched_terms() {
    local REPLY before=${cur##*[[:space:]]} line
    before=${cur%"$before"}
    prefix+=$before cur=${cur#"$before"}
    [[ $cur == -* ]] && prefix+=- cur=${cur#-}
    if [[ $cur =~ ^([a-z_]+)[:=] ]]; then
        prefix+=${BASH_REMATCH[0]} cur=${cur#"${BASH_REMATCH[0]}"}
        _jobsched_term "${BASH_REMATCH[1]}"
        _jobsched_from "$REPLY"
        return
    fi
    compopt -o nospace 2>/dev/null
    _jobsched_static terms
    if [[ $quote ]]; then
        _jobsched_offer "$REPLY"
        # A word that is the only one would be followed by the closing quote.
        ((${#COMPREPLY[@]} == 1)) && COMPREPLY+=("${COMPREPLY[0]%?}")
    else # where `<` and `>` redirect
        before=$REPLY REPLY=
        while IFS= read -r line; do [[ $line == *[\<\>]$'\t'* ]] || REPLY+=$line$'\n'; done <<<"$before"
        _jobsched_offer "$REPLY"
    fi
}

# Completes $cur from a source of words.
_jobsched_from() {
    local source=$1 REPLY
    case $source in
        '') return ;;
        files) compopt -o default 2>/dev/null; return ;;
        folders) compopt -o dirnames 2>/dev/null; return ;;
        fields) _jobsched_fields; return ;;
        terms) _jobsched_terms; return ;;
        *,) source=${source%,}
            if [[ $cur == *,* ]]; then prefix+=${cur%,*}, cur=${cur##*,}; fi ;;
    esac
    _jobsched_static "$source"
    _jobsched_offer "$REPLY"
    [[ $source == [a-z]* ]] || return
    _jobsched_store "$url" "$profile"
    [[ $source == profiles ]] && REPLY=${REPLY%/*}
    _jobsched_offer_known "$REPLY/$source"
}

# Completes a program and its arguments, which begin at word $1 of COMP_WORDS.
_jobsched_program() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif (($1 == COMP_CWORD)); then
        while IFS= read -r REPLY; do COMPREPLY+=("$REPLY"); done < <(compgen -c -- "$cur")
    else
        compopt -o default 2>/dev/null
    fi
}

# Shows what words are beside them, where they are only listed (the second tab) and not inserted.
_jobsched_explain() {
    local i width=0
    ((COMP_TYPE == 63 && ${#COMPREPLY[@]} > 1)) || return
    for i in "${!COMPREPLY[@]}"; do ((${#COMPREPLY[i]} > width)) && width=${#COMPREPLY[i]}; done
    for i in "${!COMPREPLY[@]}"; do
        [[ ${abouts[i]} ]] && printf -v "COMPREPLY[$i]" "%-${width}s  (%s)" "${COMPREPLY[i]}" "${abouts[i]:0:60}"
    done
}

_jobsched() {
    local line=${COMP_LINE:0:COMP_POINT} words=() starts=() word i
    COMPREPLY=()
    # What bash split at `=`, `:` and `@` is put together again.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $i == 0 || $line == [[:space:]]* ]]; then
            line=${line#"${line%%[![:space:]]*}"}
            words+=('') starts+=("$i")
        fi
        ((i == COMP_CWORD)) && word=$line
        words[${#words[@]} - 1]+=$word
        line=${line#"$word"}
    done
    local last=$((${#words[@]} - 1)) cur=${words[${#words[@]} - 1]} prefix='' abouts=()
    local path='' flag='' url='' profile='' kind='' quote='' place=0 REPLY=''
    for ((i = 1; i < last; i++)); do
        word=${words[i]}
        if [[ $flag ]]; then
            case $flag in --database-url) url=$word ;; -p|--profile) profile=$word ;; esac
            flag=
        elif [[ $word == -- ]]; then
            _jobsched_place "$path" --
            [[ $REPLY ]] && _jobsched_program "${starts[i + 1]}"
            return
        elif [[ $word == --database-url=* ]]; then
            url=${word#*=}
        elif [[ $word == --profile=* ]]; then
            profile=${word#*=}
        elif [[ $word == -* ]]; then
            _jobsched_value "$path" "$word"
            [[ $REPLY ]] && flag=$word
        else
            _jobsched_verbs "$path"
            _jobsched_alias "$path $word" "$word"
            if [[ $'\n'$REPLY == *$'\n'"$word"$'\t'* ]]; then path+=${path:+ }$word
            else ((place++)) || kind=$word; fi
        fi
    done
    [[ $cur == [\"\']* ]] && quote=${cur:0:1} cur=${cur:1}
    if [[ $flag ]]; then
        _jobsched_value "$path" "$flag"
        _jobsched_from "${REPLY#-}"
    elif [[ $cur == --*=* ]]; then
        _jobsched_value "$path" "${cur%%=*}"
        prefix=${cur%%=*}= cur=${cur#*=}
        [[ $cur == [\"\']* ]] && quote=${cur:0:1} cur=${cur:1} prefix=
        _jobsched_from "${REPLY#-}"
    elif [[ $cur == -* ]]; then
        _jobsched_flags "$path"
        _jobsched_offer "$REPLY"
        _jobsched_flags -
        _jobsched_offer "$REPLY"
    else
        _jobsched_verbs "$path"
        if [[ $REPLY ]]; then
            ((place)) || _jobsched_offer "$REPLY"
        else
            _jobsched_place "$path" "$place"
            _jobsched_from "$REPLY"
        fi
    fi
    # Readline replaces only what follows the last of its word breaks, or the quote that is open.
    word=${words[last]}
    word=${word%"${word##*[=:@]}"}
    [[ $word && ! $quote && $COMP_WORDBREAKS == *"${word: -1}"* ]] && COMPREPLY=("${COMPREPLY[@]#"$word"}")
    _jobsched_explain
}

complete -o nosort -F _jobsched jobsched 2>/dev/null || complete -F _jobsched jobsched
