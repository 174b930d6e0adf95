CREATE SCHEMA jobsched;
CREATE TABLE jobsched.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE jobsched.archive (
    id bigint NOT NULL,
    job_id bigint NOT NULL,
    number integer NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL,
    format text NOT NULL,
    jobs integer NOT NULL,
    bytes bigint NOT NULL,
    sha256 text NOT NULL,
    schema_version text NOT NULL,
    first_job bigint NOT NULL,
    last_job bigint NOT NULL,
    first_finished timestamp with time zone NOT NULL,
    last_finished timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT archive_bytes_check CHECK ((bytes > 0)),
    CONSTRAINT archive_check CHECK ((last_job >= first_job)),
    CONSTRAINT archive_check1 CHECK ((last_finished >= first_finished)),
    CONSTRAINT archive_format_check CHECK ((format = ANY (ARRAY['jsonl'::text, 'json'::text]))),
    CONSTRAINT archive_jobs_check CHECK ((jobs > 0)),
    CONSTRAINT archive_number_check CHECK ((number > 0)),
    CONSTRAINT archive_sha256_check CHECK ((char_length(sha256) = 64))
);
ALTER TABLE jobsched.archive ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobsched.archive_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE jobsched.attempt_log (
    token bigint NOT NULL,
    job_id bigint NOT NULL,
    attempt smallint NOT NULL,
    kind text NOT NULL,
    error_class text,
    message text,
    traceback text,
    fingerprint text,
    worker_id bigint,
    duration real,
    signal smallint,
    exit_code smallint,
    memory_peak bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT attempt_log_kind_check CHECK ((kind = ANY (ARRAY['failed'::text, 'timeout'::text, 'crashed'::text, 'lost'::text])))
);
CREATE TABLE jobsched.blocked (
    job_id bigint NOT NULL,
    queue text NOT NULL,
    priority smallint NOT NULL,
    key text,
    run_at timestamp with time zone,
    attempt smallint NOT NULL,
    crashes smallint NOT NULL,
    losses smallint NOT NULL,
    solo boolean NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    settled boolean DEFAULT false NOT NULL,
    parked boolean DEFAULT false NOT NULL,
    held_at timestamp with time zone,
    held_by text,
    CONSTRAINT blocked_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT blocked_check CHECK (((held_at IS NULL) = (held_by IS NULL))),
    CONSTRAINT blocked_check1 CHECK (((key IS NOT NULL) OR (NOT parked))),
    CONSTRAINT blocked_crashes_check CHECK ((crashes >= 0)),
    CONSTRAINT blocked_losses_check CHECK ((losses >= 0)),
    CONSTRAINT blocked_priority_check CHECK (((priority >= 0) AND (priority <= 3)))
);
CREATE TABLE jobsched.checkpoint (
    job_id bigint NOT NULL,
    token bigint NOT NULL,
    data jsonb NOT NULL
);
CREATE TABLE jobsched.delayed (
    job_id bigint NOT NULL,
    state text NOT NULL,
    run_at timestamp with time zone NOT NULL,
    attempt smallint NOT NULL,
    crashes smallint NOT NULL,
    losses smallint NOT NULL,
    solo boolean NOT NULL,
    CONSTRAINT delayed_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT delayed_check CHECK (((state = 'scheduled'::text) OR (attempt > 0))),
    CONSTRAINT delayed_crashes_check CHECK ((crashes >= 0)),
    CONSTRAINT delayed_losses_check CHECK ((losses >= 0)),
    CONSTRAINT delayed_state_check CHECK ((state = ANY (ARRAY['scheduled'::text, 'retrying'::text])))
);
CREATE TABLE jobsched.dependency (
    child bigint NOT NULL,
    parent bigint NOT NULL,
    condition text NOT NULL,
    met boolean DEFAULT false NOT NULL,
    CONSTRAINT dependency_check CHECK ((parent < child)),
    CONSTRAINT dependency_condition_check CHECK ((condition = ANY (ARRAY['ok'::text, 'fail'::text, 'any'::text])))
);
CREATE TABLE jobsched.schedule (
    id bigint NOT NULL,
    name text NOT NULL,
    expression text NOT NULL,
    timezone text NOT NULL,
    jitter double precision NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    catchup text NOT NULL,
    overlap text NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    priority smallint NOT NULL,
    max_attempts smallint NOT NULL,
    backoff_kind text NOT NULL,
    backoff_base double precision NOT NULL,
    backoff_cap double precision NOT NULL,
    timeout double precision,
    tags text[] NOT NULL,
    unique_key text,
    concurrency_key text,
    given text[] NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    created_by text NOT NULL,
    updated_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    updated_by text NOT NULL,
    revision bigint DEFAULT 1 NOT NULL,
    decided_until timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    CONSTRAINT schedule_backoff_base_check CHECK ((backoff_base > (0)::double precision)),
    CONSTRAINT schedule_backoff_kind_check CHECK ((backoff_kind = ANY (ARRAY['exponential'::text, 'linear'::text, 'fixed'::text]))),
    CONSTRAINT schedule_catchup_check CHECK ((catchup = ANY (ARRAY['none'::text, 'last'::text, 'all'::text]))),
    CONSTRAINT schedule_check CHECK ((ends_at >= starts_at)),
    CONSTRAINT schedule_check1 CHECK ((backoff_cap >= backoff_base)),
    CONSTRAINT schedule_check2 CHECK (((paused_at IS NULL) = (paused_by IS NULL))),
    CONSTRAINT schedule_check3 CHECK (((paused_at IS NOT NULL) OR (pause_reason IS NULL))),
    CONSTRAINT schedule_concurrency_key_check CHECK (((char_length(concurrency_key) >= 1) AND (char_length(concurrency_key) <= 255))),
    CONSTRAINT schedule_expression_check CHECK (((char_length(expression) >= 1) AND (char_length(expression) <= 1000))),
    CONSTRAINT schedule_jitter_check CHECK ((jitter >= (0)::double precision)),
    CONSTRAINT schedule_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT schedule_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128))),
    CONSTRAINT schedule_overlap_check CHECK ((overlap = ANY (ARRAY['allow'::text, 'skip'::text, 'buffer-one'::text, 'cancel-other'::text]))),
    CONSTRAINT schedule_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT schedule_priority_check CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT schedule_queue_check CHECK (((char_length(queue) >= 1) AND (char_length(queue) <= 128))),
    CONSTRAINT schedule_revision_check CHECK ((revision > 0)),
    CONSTRAINT schedule_timeout_check CHECK ((timeout > (0)::double precision)),
    CONSTRAINT schedule_timezone_check CHECK (((char_length(timezone) >= 1) AND (char_length(timezone) <= 128))),
    CONSTRAINT schedule_type_check CHECK (((char_length(type) >= 1) AND (char_length(type) <= 128))),
    CONSTRAINT schedule_unique_key_check CHECK (((char_length(unique_key) >= 1) AND (char_length(unique_key) <= 255)))
);
CREATE TABLE jobsched.tick (
    schedule_id bigint NOT NULL,
    scheduled_for timestamp with time zone NOT NULL,
    state text NOT NULL,
    decided_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    job_id bigint,
    reason text,
    by text NOT NULL,
    origin text NOT NULL,
    CONSTRAINT tick_check CHECK ((decided_at >= scheduled_for)),
    CONSTRAINT tick_check1 CHECK (((state = 'fired'::text) = (job_id IS NOT NULL))),
    CONSTRAINT tick_check2 CHECK (((state = 'fired'::text) = (reason IS NULL))),
    CONSTRAINT tick_origin_check CHECK ((origin = ANY (ARRAY['schedule'::text, 'trigger'::text, 'backfill'::text]))),
    CONSTRAINT tick_state_check CHECK ((state = ANY (ARRAY['fired'::text, 'skipped'::text, 'missed'::text])))
);
CREATE VIEW jobsched.frontier AS
 SELECT s.id,
    GREATEST(s.decided_until, COALESCE(( SELECT
                CASE
                    WHEN (n.origin = 'schedule'::text) THEN n.scheduled_for
                    ELSE NULL::timestamp with time zone
                END AS "case"
           FROM ( SELECT t.origin,
                    t.scheduled_for
                   FROM jobsched.tick t
                  WHERE ((t.schedule_id = s.id) AND (t.scheduled_for <= statement_timestamp()))
                  ORDER BY t.scheduled_for DESC
                 LIMIT 1) n), ( SELECT t.scheduled_for
           FROM jobsched.tick t
          WHERE ((t.schedule_id = s.id) AND (t.scheduled_for <= statement_timestamp()) AND (t.origin = 'schedule'::text))
          ORDER BY t.scheduled_for DESC
         LIMIT 1))) AS decided_until
   FROM jobsched.schedule s;
CREATE TABLE jobsched.idempotency (
    key text NOT NULL,
    job_id bigint NOT NULL,
    payload_hash bytea NOT NULL,
    expires_at timestamp with time zone,
    CONSTRAINT idempotency_payload_hash_check CHECK ((octet_length(payload_hash) = 32))
);
CREATE SEQUENCE jobsched.job_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE jobsched.job (
    id bigint DEFAULT nextval('jobsched.job_seq'::regclass) NOT NULL,
    queue text NOT NULL,
    type text NOT NULL,
    payload jsonb NOT NULL,
    priority smallint NOT NULL,
    max_attempts smallint NOT NULL,
    backoff_kind text NOT NULL,
    backoff_base real NOT NULL,
    backoff_cap real NOT NULL,
    timeout real,
    idempotency_key text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    submitter text NOT NULL,
    created_at timestamp with time zone DEFAULT statement_timestamp() NOT NULL,
    unique_key text,
    concurrency_key text,
    schedule text,
    scheduled_for timestamp with time zone,
    CONSTRAINT job_backoff_base_check CHECK ((backoff_base > (0)::double precision)),
    CONSTRAINT job_backoff_kind_check CHECK ((backoff_kind = ANY (ARRAY['exponential'::text, 'linear'::text, 'fixed'::text]))),
    CONSTRAINT job_check CHECK ((backoff_cap >= backoff_base)),
    CONSTRAINT job_concurrency_key_check CHECK (((char_length(concurrency_key) >= 1) AND (char_length(concurrency_key) <= 255))),
    CONSTRAINT job_max_attempts_check CHECK (((max_attempts >= 1) AND (max_attempts <= 100))),
    CONSTRAINT job_payload_check CHECK ((jsonb_typeof(payload) = 'object'::text)),
    CONSTRAINT job_priority_check CHECK (((priority >= 0) AND (priority <= 3))),
    CONSTRAINT job_queue_check CHECK (((char_length(queue) >= 1) AND (char_length(queue) <= 128))),
    CONSTRAINT job_timeout_check CHECK ((timeout > (0)::double precision)),
    CONSTRAINT job_type_check CHECK (((char_length(type) >= 1) AND (char_length(type) <= 128))),
    CONSTRAINT job_unique_key_check CHECK (((char_length(unique_key) >= 1) AND (char_length(unique_key) <= 255)))
);
CREATE TABLE jobsched.lease (
    job_id bigint NOT NULL,
    token bigint NOT NULL,
    worker_id bigint NOT NULL,
    attempt smallint NOT NULL,
    crashes smallint NOT NULL,
    losses smallint NOT NULL,
    solo boolean NOT NULL,
    claimed_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    queued_since timestamp with time zone NOT NULL,
    started_at timestamp with time zone,
    progress real,
    progress_message text,
    cancel_requested_at timestamp with time zone,
    cancel_requested_by text,
    limited text,
    CONSTRAINT lease_attempt_check CHECK ((attempt >= 1)),
    CONSTRAINT lease_crashes_check CHECK ((crashes >= 0)),
    CONSTRAINT lease_losses_check CHECK ((losses >= 0)),
    CONSTRAINT lease_progress_check CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision)))
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='5000');
CREATE TABLE jobsched.outcome (
    job_id bigint NOT NULL,
    state text NOT NULL,
    attempt smallint NOT NULL,
    crashes smallint DEFAULT 0 NOT NULL,
    losses smallint DEFAULT 0 NOT NULL,
    token bigint,
    worker_id bigint,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    finished_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    wait real,
    run real,
    result jsonb,
    error text,
    fingerprint text,
    CONSTRAINT outcome_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT outcome_check CHECK ((((state = 'dead'::text) = (error IS NOT NULL)) OR (state = 'cancelled'::text))),
    CONSTRAINT outcome_check1 CHECK (((state <> 'succeeded'::text) OR (token IS NOT NULL))),
    CONSTRAINT outcome_state_check CHECK ((state = ANY (ARRAY['succeeded'::text, 'dead'::text, 'cancelled'::text])))
);
CREATE TABLE jobsched.ready (
    queue text NOT NULL,
    priority smallint NOT NULL,
    seq bigint NOT NULL,
    job_id bigint NOT NULL,
    type text NOT NULL,
    attempt smallint NOT NULL,
    crashes smallint NOT NULL,
    losses smallint NOT NULL,
    solo boolean NOT NULL,
    since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT ready_attempt_check CHECK ((attempt >= 0)),
    CONSTRAINT ready_check CHECK ((seq >= job_id)),
    CONSTRAINT ready_crashes_check CHECK ((crashes >= 0)),
    CONSTRAINT ready_losses_check CHECK ((losses >= 0)),
    CONSTRAINT ready_priority_check CHECK (((priority >= 0) AND (priority <= 3)))
)
WITH (autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='5000');
CREATE TABLE jobsched.secret (
    type text NOT NULL,
    field text NOT NULL
);
CREATE TABLE jobsched.worker (
    id bigint NOT NULL,
    name text NOT NULL,
    host text NOT NULL,
    boot_id text NOT NULL,
    pid_namespace bigint NOT NULL,
    pid integer NOT NULL,
    pid_start bigint NOT NULL,
    version text NOT NULL,
    queues text[],
    types text[] NOT NULL,
    schemas jsonb NOT NULL,
    concurrency integer NOT NULL,
    lease_seconds real NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    heartbeat_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    idle_since timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    state text NOT NULL,
    command text,
    mark text NOT NULL,
    ended_at timestamp with time zone,
    end_reason text,
    running integer DEFAULT 0 NOT NULL,
    rss_bytes bigint DEFAULT 0 NOT NULL,
    CONSTRAINT worker_check CHECK (((ended_at IS NULL) = (end_reason IS NULL))),
    CONSTRAINT worker_command_check CHECK ((command = ANY (ARRAY['drain'::text, 'stop'::text]))),
    CONSTRAINT worker_concurrency_check CHECK ((concurrency > 0)),
    CONSTRAINT worker_end_reason_check CHECK ((end_reason = ANY (ARRAY['stopped'::text, 'lost'::text]))),
    CONSTRAINT worker_lease_seconds_check CHECK ((lease_seconds > (0)::double precision)),
    CONSTRAINT worker_state_check CHECK ((state = ANY (ARRAY['available'::text, 'busy'::text, 'draining'::text, 'unavailable'::text])))
)
WITH (fillfactor='50');
CREATE VIEW jobsched.job_now AS
 SELECT j.id,
    j.type,
    j.queue,
    j.priority,
    COALESCE((j.payload || ( SELECT jsonb_object_agg(s.field, '(hidden)') AS jsonb_object_agg
           FROM jobsched.secret s
          WHERE ((s.type = j.type) AND (j.payload ? s.field)))), j.payload) AS payload,
    j.max_attempts,
    j.backoff_kind,
    j.backoff_base,
    j.backoff_cap,
    j.timeout,
    j.idempotency_key,
    j.tags,
    j.submitter,
    j.created_at,
        CASE
            WHEN (o.job_id IS NOT NULL) THEN o.state
            WHEN (l.job_id IS NOT NULL) THEN 'running'::text
            WHEN (r.job_id IS NOT NULL) THEN 'queued'::text
            WHEN (d.job_id IS NOT NULL) THEN d.state
            WHEN (b.job_id IS NOT NULL) THEN 'blocked'::text
            ELSE NULL::text
        END AS state,
    COALESCE(o.attempt, l.attempt, r.attempt, d.attempt, b.attempt) AS attempt,
    COALESCE(o.crashes, l.crashes, r.crashes, d.crashes, b.crashes) AS crashes,
    COALESCE(o.losses, l.losses, r.losses, d.losses, b.losses) AS losses,
    COALESCE(d.run_at, b.run_at) AS run_at,
    COALESCE(l.started_at, l.claimed_at, (o.finished_at - make_interval(secs => (o.run)::double precision))) AS started_at,
    o.finished_at,
    COALESCE(o.wait, (EXTRACT(epoch FROM (l.claimed_at - l.queued_since)))::real) AS wait,
    o.run,
    w.name AS worker,
    l.token,
    l.progress,
    l.progress_message,
    (l.cancel_requested_at IS NOT NULL) AS cancel_requested,
    o.result,
    o.error,
    o.fingerprint,
    j.unique_key,
    j.concurrency_key,
    b.held_by,
    b.parked,
    j.schedule,
    j.scheduled_for
   FROM ((((((jobsched.job j
     LEFT JOIN jobsched.outcome o ON ((o.job_id = j.id)))
     LEFT JOIN jobsched.lease l ON ((l.job_id = j.id)))
     LEFT JOIN jobsched.delayed d ON ((d.job_id = j.id)))
     LEFT JOIN jobsched.blocked b ON ((b.job_id = j.id)))
     LEFT JOIN LATERAL ( SELECT f.job_id,
            f.attempt,
            f.crashes,
            f.losses
           FROM jobsched.ready f
          WHERE ((f.queue = j.queue) AND (f.priority = j.priority) AND (f.seq = j.id))
        UNION ALL
         SELECT b_1.job_id,
            b_1.attempt,
            b_1.crashes,
            b_1.losses
           FROM jobsched.ready b_1
          WHERE ((b_1.job_id = j.id) AND (b_1.seq <> b_1.job_id))
 LIMIT 1) r ON (true))
     LEFT JOIN jobsched.worker w ON ((w.id = COALESCE(o.worker_id, l.worker_id))));
CREATE TABLE jobsched.job_output (
    job_id bigint NOT NULL,
    token bigint NOT NULL,
    chunk integer NOT NULL,
    attempt smallint NOT NULL,
    stream text NOT NULL,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    text text NOT NULL,
    CONSTRAINT job_output_chunk_check CHECK ((chunk >= 0)),
    CONSTRAINT job_output_stream_check CHECK ((stream = ANY (ARRAY['log'::text, 'stdout'::text, 'stderr'::text])))
);
CREATE TABLE jobsched.kept (
    job_id bigint NOT NULL,
    until timestamp with time zone NOT NULL
);
CREATE TABLE jobsched.operation (
    id bigint NOT NULL,
    verb text NOT NULL,
    by text NOT NULL,
    selection text NOT NULL,
    jobs integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    undone_at timestamp with time zone,
    undone_by text,
    CONSTRAINT operation_check CHECK (((undone_at IS NULL) = (undone_by IS NULL))),
    CONSTRAINT operation_verb_check CHECK ((verb = ANY (ARRAY['cancel'::text, 'retry'::text, 'hold'::text, 'release'::text, 'discard'::text, 'move'::text])))
);
ALTER TABLE jobsched.operation ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobsched.operation_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE jobsched.operation_job (
    operation_id bigint NOT NULL,
    job_id bigint NOT NULL,
    state text NOT NULL,
    attempt smallint NOT NULL,
    crashes smallint NOT NULL,
    losses smallint NOT NULL,
    run_at timestamp with time zone,
    held_by text,
    outcome jsonb,
    queue text,
    priority smallint
);
CREATE TABLE jobsched.queue (
    name text NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    paused_at timestamp with time zone,
    paused_by text,
    pause_reason text,
    paused_until timestamp with time zone,
    key_limit integer DEFAULT 1 NOT NULL,
    max_running integer,
    rate double precision,
    burst integer DEFAULT 1 NOT NULL,
    tokens double precision DEFAULT 0 NOT NULL,
    refilled_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    limited boolean GENERATED ALWAYS AS (((max_running IS NOT NULL) OR (rate IS NOT NULL))) STORED NOT NULL,
    CONSTRAINT queue_burst_check CHECK ((burst > 0)),
    CONSTRAINT queue_check CHECK (((paused_at IS NOT NULL) OR ((paused_by IS NULL) AND (pause_reason IS NULL) AND (paused_until IS NULL)))),
    CONSTRAINT queue_key_limit_check CHECK ((key_limit > 0)),
    CONSTRAINT queue_max_running_check CHECK ((max_running > 0)),
    CONSTRAINT queue_name_check CHECK (((char_length(name) >= 1) AND (char_length(name) <= 128))),
    CONSTRAINT queue_rate_check CHECK ((rate > (0)::double precision))
);
ALTER TABLE jobsched.schedule ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobsched.schedule_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE VIEW jobsched.schedule_now AS
 SELECT s.id,
    s.name,
    s.expression,
    s.timezone,
    s.jitter,
    s.starts_at,
    s.ends_at,
    s.catchup,
    s.overlap,
    s.queue,
    s.type,
    COALESCE((s.payload || ( SELECT jsonb_object_agg(x.field, '(hidden)') AS jsonb_object_agg
           FROM jobsched.secret x
          WHERE ((x.type = s.type) AND (s.payload ? x.field)))), s.payload) AS payload,
    s.priority,
    s.max_attempts,
    s.backoff_kind,
    s.backoff_base,
    s.backoff_cap,
    s.timeout,
    s.tags,
    s.unique_key,
    s.concurrency_key,
    s.given,
    s.created_at,
    s.created_by,
    s.updated_at,
    s.updated_by,
    s.revision,
    ( SELECT r.decided_until
           FROM jobsched.frontier r
          WHERE (r.id = s.id)) AS decided_until,
    s.paused_at,
    s.paused_by,
    s.pause_reason,
    f.scheduled_for AS last_at,
    f.job_id AS last_job
   FROM (jobsched.schedule s
     LEFT JOIN LATERAL ( SELECT t.scheduled_for,
            t.job_id
           FROM jobsched.tick t
          WHERE ((t.schedule_id = s.id) AND (t.state = 'fired'::text))
          ORDER BY t.scheduled_for DESC
         LIMIT 1) f ON (true));
CREATE TABLE jobsched.slot (
    job_id bigint NOT NULL,
    queue text NOT NULL,
    key text NOT NULL
);
CREATE TABLE jobsched.store (
    only_row boolean DEFAULT true NOT NULL,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    CONSTRAINT store_only_row_check CHECK (only_row)
);
CREATE SEQUENCE jobsched.token_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
CREATE TABLE jobsched.unique_active (
    key text NOT NULL,
    job_id bigint NOT NULL
);
ALTER TABLE jobsched.worker ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME jobsched.worker_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
ALTER TABLE ONLY jobsched.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY jobsched.archive
    ADD CONSTRAINT archive_job_id_number_key UNIQUE (job_id, number);
ALTER TABLE ONLY jobsched.archive
    ADD CONSTRAINT archive_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobsched.attempt_log
    ADD CONSTRAINT attempt_log_pkey PRIMARY KEY (token);
ALTER TABLE ONLY jobsched.blocked
    ADD CONSTRAINT blocked_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.checkpoint
    ADD CONSTRAINT checkpoint_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.delayed
    ADD CONSTRAINT delayed_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.dependency
    ADD CONSTRAINT dependency_pkey PRIMARY KEY (child, parent);
ALTER TABLE ONLY jobsched.idempotency
    ADD CONSTRAINT idempotency_job_id_key UNIQUE (job_id);
ALTER TABLE ONLY jobsched.idempotency
    ADD CONSTRAINT idempotency_pkey PRIMARY KEY (key);
ALTER TABLE ONLY jobsched.job_output
    ADD CONSTRAINT job_output_pkey PRIMARY KEY (job_id, token, chunk);
ALTER TABLE ONLY jobsched.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (id);
ALTER TABLE jobsched.job
    ADD CONSTRAINT job_schedule_check CHECK (((schedule IS NULL) = (scheduled_for IS NULL))) NOT VALID;
ALTER TABLE ONLY jobsched.kept
    ADD CONSTRAINT kept_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.operation_job
    ADD CONSTRAINT operation_job_pkey PRIMARY KEY (operation_id, job_id);
ALTER TABLE ONLY jobsched.operation
    ADD CONSTRAINT operation_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobsched.outcome
    ADD CONSTRAINT outcome_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.queue
    ADD CONSTRAINT queue_pkey PRIMARY KEY (name);
ALTER TABLE ONLY jobsched.ready
    ADD CONSTRAINT ready_pkey PRIMARY KEY (queue, priority, seq);
ALTER TABLE ONLY jobsched.schedule
    ADD CONSTRAINT schedule_name_key UNIQUE (name);
ALTER TABLE ONLY jobsched.schedule
    ADD CONSTRAINT schedule_pkey PRIMARY KEY (id);
ALTER TABLE ONLY jobsched.secret
    ADD CONSTRAINT secret_pkey PRIMARY KEY (type, field);
ALTER TABLE ONLY jobsched.slot
    ADD CONSTRAINT slot_pkey PRIMARY KEY (job_id);
ALTER TABLE ONLY jobsched.store
    ADD CONSTRAINT store_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY jobsched.tick
    ADD CONSTRAINT tick_pkey PRIMARY KEY (schedule_id, scheduled_for);
ALTER TABLE ONLY jobsched.unique_active
    ADD CONSTRAINT unique_active_job_id_key UNIQUE (job_id);
ALTER TABLE ONLY jobsched.unique_active
    ADD CONSTRAINT unique_active_pkey PRIMARY KEY (key);
ALTER TABLE ONLY jobsched.worker
    ADD CONSTRAINT worker_pkey PRIMARY KEY (id);
CREATE INDEX attempt_log_finished_at ON jobsched.attempt_log USING btree (finished_at);
CREATE INDEX attempt_log_job_id ON jobsched.attempt_log USING btree (job_id);
CREATE INDEX attempt_log_xid ON jobsched.attempt_log USING btree (xid, token);
CREATE INDEX blocked_held ON jobsched.blocked USING btree (job_id) WHERE (held_by IS NOT NULL);
CREATE INDEX blocked_parked ON jobsched.blocked USING btree (queue, key, priority, job_id) WHERE parked;
CREATE INDEX blocked_run_at ON jobsched.blocked USING btree (job_id) WHERE (run_at IS NOT NULL);
CREATE INDEX blocked_unsettled ON jobsched.blocked USING btree (job_id) WHERE ((NOT settled) AND (held_at IS NULL));
CREATE INDEX delayed_run_at ON jobsched.delayed USING btree (run_at);
CREATE INDEX dependency_unmet ON jobsched.dependency USING btree (parent) WHERE (NOT met);
CREATE INDEX idempotency_expires_at ON jobsched.idempotency USING btree (expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX lease_cancel ON jobsched.lease USING btree (worker_id) WHERE (cancel_requested_at IS NOT NULL);
CREATE INDEX lease_limited ON jobsched.lease USING btree (limited) WHERE (limited IS NOT NULL);
CREATE INDEX lease_worker_id ON jobsched.lease USING btree (worker_id);
CREATE INDEX outcome_cancelled ON jobsched.outcome USING btree (job_id) WHERE (state = 'cancelled'::text);
CREATE INDEX outcome_dead ON jobsched.outcome USING btree (job_id) WHERE (state = 'dead'::text);
CREATE INDEX outcome_finished_at ON jobsched.outcome USING btree (finished_at);
CREATE INDEX outcome_xid ON jobsched.outcome USING btree (xid, job_id);
CREATE UNIQUE INDEX ready_came_back ON jobsched.ready USING btree (job_id) WHERE (seq <> job_id);
CREATE INDEX slot_key ON jobsched.slot USING btree (queue, key);
CREATE INDEX tick_fired ON jobsched.tick USING btree (schedule_id, scheduled_for) INCLUDE (job_id) WHERE (state = 'fired'::text);
CREATE INDEX tick_scheduled_for ON jobsched.tick USING btree (scheduled_for);
CREATE INDEX worker_alive ON jobsched.worker USING btree (id) WHERE (ended_at IS NULL);
CREATE INDEX worker_ended ON jobsched.worker USING btree (ended_at) WHERE (ended_at IS NOT NULL);
