-- What a job may say beside its schedule and its target.
ALTER TABLE jobs
    ALTER COLUMN cron_expression DROP NOT NULL,          -- null: run_at
    ADD COLUMN timezone text NOT NULL DEFAULT 'UTC',     -- IANA
    ADD COLUMN run_at timestamptz,                       -- one-shot
    ADD COLUMN start_at timestamptz,
    ADD COLUMN end_at timestamptz,
    ADD COLUMN catch_up text NOT NULL DEFAULT 'latest',  -- latest, all, none
    ADD COLUMN catch_up_window_seconds integer,          -- null: the service's
    ADD COLUMN allow_overlap boolean NOT NULL DEFAULT true,
    ADD COLUMN jitter_seconds integer NOT NULL DEFAULT 0,
    ADD COLUMN max_retries integer NOT NULL DEFAULT 3,
    ADD COLUMN auto_pause boolean NOT NULL DEFAULT true,
    ADD COLUMN external_id text,                         -- the caller's own name for it
    ADD COLUMN paused_reason text,                       -- why the service paused it
    ADD CONSTRAINT jobs_one_schedule CHECK ((cron_expression IS NULL) <> (run_at IS NULL));
CREATE UNIQUE INDEX jobs_external_id ON jobs (account_id, external_id);

-- How long a job has failed without a success, and who was told.
ALTER TABLE job_state
    ADD COLUMN failing_since timestamptz,                -- null: it does not
    ADD COLUMN mailed_at timestamptz,                    -- newest mail about a failure
    ADD COLUMN unmailed integer NOT NULL DEFAULT 0,      -- failures since
    ADD COLUMN pause_warned boolean NOT NULL DEFAULT false;
CREATE INDEX job_state_failing ON job_state (job_id)
    WHERE failing_since IS NOT NULL OR mailed_at IS NOT NULL;

CREATE TYPE execution_trigger AS ENUM ('schedule', 'run', 'replay');
ALTER TABLE executions
    ADD COLUMN trigger execution_trigger NOT NULL DEFAULT 'schedule',
    ADD COLUMN next_attempt_at timestamptz,              -- while it waits for its next attempt
    -- of the newest attempt
    ADD COLUMN dns_ms integer,
    ADD COLUMN connect_ms integer,
    ADD COLUMN tls_ms integer,
    ADD COLUMN first_byte_ms integer,
    ADD COLUMN response bytea;                           -- the beginning of the answer

-- The attempts before the newest one of executions that were tried again.
CREATE TABLE attempts (
    job_id bigint NOT NULL,
    scheduled_at timestamptz NOT NULL,
    replay integer NOT NULL,
    attempt smallint NOT NULL,
    started_at timestamptz NOT NULL,
    duration_ms integer NOT NULL,
    dns_ms integer,
    connect_ms integer,
    tls_ms integer,
    first_byte_ms integer,
    response_code smallint,
    error text,
    response bytea,
    PRIMARY KEY (job_id, scheduled_at, replay, attempt)
) PARTITION BY RANGE (scheduled_at);

-- The same for attempts as for executions: see 005.
CREATE OR REPLACE FUNCTION executions_maintain(first_day date, last_day date, keep_from date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    parent text;
    day date;
    partition_name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['executions', 'attempts'] LOOP
        FOR day IN SELECT first_day + n FROM generate_series(0, last_day - first_day) n LOOP
            partition_name := parent || to_char(day, '"_"YYYYMMDD');
            IF to_regclass('public.' || partition_name) IS NULL THEN
                EXECUTE format('CREATE TABLE public.%I (LIKE public.%I INCLUDING ALL)',
                               partition_name, parent);
                EXECUTE format('ALTER TABLE public.%I ATTACH PARTITION public.%I'
                               ' FOR VALUES FROM (%L) TO (%L)', parent, partition_name,
                               to_char(day, 'YYYY-MM-DD"T00:00Z"'),
                               to_char(day + 1, 'YYYY-MM-DD"T00:00Z"'));
            END IF;
        END LOOP;
        FOR partition_name IN
            SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = ('public.' || parent)::regclass
               AND c.relname ~ ('^' || parent || '_\d{8}$')
               AND to_date(right(c.relname, 8), 'YYYYMMDD') < keep_from
        LOOP
            BEGIN
                EXECUTE format('DROP TABLE public.%I', partition_name);
            EXCEPTION WHEN lock_not_available THEN
                EXIT;
            END;
        END LOOP;
    END LOOP;
END
$$;

-- What an account has used: of its month, and of the newest minute it started executions in.
CREATE TABLE usage (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    period timestamptz NOT NULL,                         -- the month's beginning, UTC
    executions bigint NOT NULL,                          -- attempts in it
    minute timestamptz NOT NULL,
    starts integer NOT NULL
) WITH (fillfactor = 50);

-- Deliveries that are not a job's: what tells failure_webhook_url of a failure.
CREATE TABLE notices (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    job_id bigint NOT NULL,
    url text NOT NULL,
    body text NOT NULL,                                  -- JSON
    timeout_seconds smallint NOT NULL,
    status execution_status NOT NULL,
    attempts smallint NOT NULL,
    next_attempt_at timestamptz,                         -- while it waits for its next attempt
    response_code smallint,
    error text,
    created_at timestamptz NOT NULL,                     -- whole seconds
    completed_at timestamptz
);
CREATE INDEX notices_pending ON notices (id) WHERE status = 'pending';
CREATE INDEX notices_created_at ON notices (created_at);

-- What deliveries are signed with; the secret itself is made from its id and a key.
CREATE TABLE webhook_secrets (
    id bytea PRIMARY KEY,                                -- random
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    created_at timestamptz NOT NULL,
    expires_at timestamptz                               -- null: the current one
);
CREATE INDEX webhook_secrets_account ON webhook_secrets (account_id);

ALTER TABLE progress
    ADD COLUMN next_notice bigint NOT NULL DEFAULT 1,
    ADD COLUMN next_replay bigint NOT NULL DEFAULT 1;

GRANT SELECT ON attempts, usage TO croncoco_gateway;
GRANT SELECT (account_id, created_at, expires_at) ON webhook_secrets TO croncoco_gateway;
GRANT SELECT ON webhook_secrets TO croncoco_dispatcher;
GRANT SELECT (id, account_id, url, body) ON notices TO croncoco_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON attempts, usage, notices, webhook_secrets
    TO croncoco_scheduler;
