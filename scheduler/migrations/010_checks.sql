-- Checks: heartbeats of cron jobs. Times of states are whole seconds.
ALTER TABLE plans
    ADD COLUMN checks integer NOT NULL DEFAULT 10,           -- that are not paused by the plan
    ADD COLUMN checks_api boolean NOT NULL DEFAULT false,    -- may /api/v1 be used
    ADD COLUMN check_period_max_seconds integer NOT NULL DEFAULT 604800,
    ADD COLUMN check_grace_max_seconds integer NOT NULL DEFAULT 3600;
UPDATE plans SET checks = 25 WHERE name = 'starter';
UPDATE plans SET checks = 100, checks_api = true WHERE name = 'pro';
UPDATE plans SET checks = 1000, checks_api = true WHERE name = 'business';
-- Not sold: an operator gives it.
INSERT INTO plans
VALUES ('enterprise', 5000, 10000, 20000000, 60, 100, 1000, 60, 30, 10000, true, 31536000, 31536000);

ALTER TABLE progress
    ADD COLUMN pings_seq bigint NOT NULL DEFAULT 0,          -- of PINGS, applied up to here
    ADD COLUMN pings_stream text NOT NULL DEFAULT '',        -- when that stream was made, as NATS says it
    ADD COLUMN next_ping bigint NOT NULL DEFAULT 1,
    ADD COLUMN next_flip bigint NOT NULL DEFAULT 1,
    ADD COLUMN next_alert bigint NOT NULL DEFAULT 1,
    ADD COLUMN next_channel bigint NOT NULL DEFAULT 1;

CREATE TABLE checks (
    id bigint PRIMARY KEY,                                   -- random
    public_id text NOT NULL UNIQUE,                          -- made of it, for users
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    version integer NOT NULL,                                -- rises with every change
    name text NOT NULL,
    slug text,                                               -- for pings by name
    group_name text NOT NULL DEFAULT '',
    tags text NOT NULL DEFAULT '',                           -- separated by commas
    period_seconds integer NOT NULL,
    cron_expression text,                                    -- not null: instead of the period
    timezone text NOT NULL DEFAULT 'UTC',                    -- IANA; of cron_expression
    grace_seconds integer NOT NULL,
    maint_start timestamptz,
    maint_end timestamptz,
    maint_schedule text NOT NULL DEFAULT '',
    alert_after integer NOT NULL DEFAULT 1,                  -- failures
    recover_after integer NOT NULL DEFAULT 1,                -- successes
    reminder_seconds integer NOT NULL DEFAULT 0,             -- 0: none
    parents bigint[] NOT NULL DEFAULT '{}',                  -- checks
    channels bigint[],                                       -- null: all of the account
    job_id bigint UNIQUE REFERENCES jobs ON DELETE CASCADE,  -- whose executions are its pings
    paused boolean NOT NULL DEFAULT false,
    paused_reason text,                                      -- why the service paused it
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX checks_account ON checks (account_id, created_at DESC, id DESC);
CREATE UNIQUE INDEX checks_slug ON checks (account_id, slug);

CREATE TYPE check_status AS ENUM ('new', 'up', 'late', 'down', 'paused');

-- What changes with every ping, apart from the wide rows that do not. No row: nothing has happened.
CREATE TABLE check_state (
    check_id bigint PRIMARY KEY,
    status check_status NOT NULL,
    status_since timestamptz NOT NULL,
    base timestamptz,                                        -- from which the next ping is expected
    last_ping_at timestamptz,                                -- start, success or fail
    last_ping_type text,
    last_duration_ms bigint,
    ping_count bigint NOT NULL,
    alert_count bigint NOT NULL,
    failures integer NOT NULL,                               -- one after the other
    successes integer NOT NULL,                              -- one after the other, while down
    counted_until timestamptz,                               -- missed pings are counted up to here
    alerted boolean NOT NULL,                                -- somebody was told that it is down
    owed boolean NOT NULL,                                   -- nobody was, for it was suppressed
    owed_from timestamptz,                                   -- not before
    reminded_at timestamptz,
    reminders integer NOT NULL
) WITH (fillfactor = 50);

-- Runs that have begun and not ended, and a check's run with a rid that ended last.
CREATE TABLE check_starts (
    check_id bigint NOT NULL,
    rid text NOT NULL,                                       -- '': none was given
    started_at timestamptz,                                  -- null: only its end was seen
    due_at timestamptz,                                      -- when it makes the check down; null: it did
    ended_at timestamptz,                                    -- null: not yet
    PRIMARY KEY (check_id, rid)
);

-- Every ping, in partitions of one day of received_at (UTC).
CREATE TABLE pings (
    check_id bigint NOT NULL,
    received_at timestamptz NOT NULL,                        -- by the gateway's clock
    id bigint NOT NULL,
    type text NOT NULL,                                      -- start, success, fail, log
    source_ip inet,                                          -- null: a job's execution
    method text,
    exit_code smallint,
    rid text,
    duration_ms bigint,                                      -- since its start
    mark text,                                               -- early, duplicate
    body bytea,                                              -- the end of what was sent
    PRIMARY KEY (check_id, received_at, id)
) PARTITION BY RANGE (received_at);

-- Changes of state.
CREATE TABLE check_flips (
    check_id bigint NOT NULL,
    id bigint NOT NULL,
    at timestamptz NOT NULL,
    from_status check_status NOT NULL,
    to_status check_status NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (check_id, id)
);
CREATE INDEX check_flips_at ON check_flips (at);

CREATE TYPE channel_kind AS ENUM ('webhook', 'slack', 'email');
CREATE TABLE channels (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind channel_kind NOT NULL,
    name text NOT NULL,
    target text NOT NULL,                                    -- URL or e-mail address
    enabled boolean NOT NULL,
    verified boolean NOT NULL,                               -- an address answers for itself
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX channels_account ON channels (account_id, id);
-- Everybody is told by mail at first.
INSERT INTO channels
SELECT row_number() OVER (ORDER BY id), id, 'email', 'E-mail', email, true, true, created_at,
       created_at
  FROM accounts;
UPDATE progress SET next_channel = (SELECT coalesce(max(id), 0) + 1 FROM channels);

CREATE TABLE alerts (
    check_id bigint NOT NULL,                                -- 0: a test of a channel
    id bigint NOT NULL,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    channel_id bigint NOT NULL,
    type text NOT NULL,                                      -- down, up, reminder, test
    status text NOT NULL,                                    -- pending, sent, failed
    error text,
    notice_id bigint,                                        -- what delivers it; null: not yet, or a mail
    attempts jsonb NOT NULL DEFAULT '[]',                    -- of its notice: {at, duration_ms, response_code, error}
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (check_id, id)
);
CREATE INDEX alerts_notice ON alerts (notice_id) WHERE notice_id IS NOT NULL;
CREATE INDEX alerts_collected ON alerts (account_id, id)
    WHERE status = 'pending' AND notice_id IS NULL;
CREATE INDEX alerts_created_at ON alerts (created_at);
CREATE INDEX alerts_account ON alerts (account_id);          -- they go with it

-- A notice tells of a failed job, or is an alert to a webhook or to Slack.
CREATE TYPE notice_kind AS ENUM ('failure', 'alert');
ALTER TABLE notices
    ADD COLUMN kind notice_kind NOT NULL DEFAULT 'failure',
    ALTER COLUMN job_id DROP NOT NULL;                       -- an alert is of no job
CREATE INDEX notices_account ON notices (account_id);        -- for an account that is deleted

-- For pings by name.
CREATE TABLE ping_keys (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    id bigint NOT NULL UNIQUE,                               -- random
    key text NOT NULL UNIQUE,                                -- pk_...
    created_at timestamptz NOT NULL
);

-- Keys that are good for /api/v1 alone.
CREATE TABLE check_keys (
    account_id bigint PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    key_hash bytea NOT NULL UNIQUE,                          -- SHA-256 of the cpk_ key
    created_at timestamptz NOT NULL
);

-- Checks that were deleted, until their history is too.
CREATE TABLE check_purges (check_id bigint PRIMARY KEY);

-- The same for pings as for executions: see 005.
CREATE OR REPLACE FUNCTION executions_maintain(first_day date, last_day date, keep_from date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    parent text;
    day date;
    partition_name text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['executions', 'attempts', 'pings'] LOOP
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

GRANT SELECT ON checks, check_state, check_starts, pings, check_flips, channels, alerts, ping_keys
    TO croncoco_gateway;
GRANT SELECT ON check_keys TO croncoco_gateway;
GRANT SELECT (kind) ON notices TO croncoco_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE
    ON checks, check_state, check_starts, pings, check_flips, channels, alerts, ping_keys,
       check_keys, check_purges
    TO croncoco_scheduler;
