-- What each plan allows (the API's plan table).
CREATE TABLE plans (
    name text PRIMARY KEY,
    active_jobs integer NOT NULL,
    stored_jobs integer NOT NULL,
    executions_per_month bigint NOT NULL,
    min_interval_seconds integer NOT NULL,
    concurrency integer NOT NULL,
    burst_per_minute integer NOT NULL,
    timeout_seconds integer NOT NULL,
    history_days integer NOT NULL
);
INSERT INTO plans VALUES
    ('free', 5, 10, 5000, 900, 1, 5, 10, 7),
    ('starter', 10, 20, 5000, 900, 1, 5, 10, 7),
    ('pro', 50, 100, 250000, 60, 5, 60, 30, 30),
    ('business', 1000, 5000, 2000000, 60, 25, 250, 60, 30);

CREATE TABLE accounts (
    id bigint PRIMARY KEY,
    email text NOT NULL UNIQUE,              -- lower case
    plan text NOT NULL REFERENCES plans DEFAULT 'free',
    failure_email_enabled boolean NOT NULL DEFAULT true,
    key_hash bytea NOT NULL UNIQUE,          -- SHA-256 of the API key
    created_at timestamptz NOT NULL
);

-- Tokens that were asked for; also counts what an address asks for, whether it is known or not.
CREATE TABLE tokens (
    id bytea PRIMARY KEY,                    -- random; the token itself is made from it and a secret
    purpose text NOT NULL,                   -- verify, rotate, delete
    email text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX tokens_created_at ON tokens (created_at);

-- The answers to commands, for commands that come a second time.
CREATE TABLE answers (
    id text PRIMARY KEY,                     -- the command's
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    body text NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX answers_created_at ON answers (created_at);

-- What a transaction causes outside of PostgreSQL; a row goes when JetStream has acknowledged it.
CREATE TABLE outbox (
    id bigint PRIMARY KEY,
    subject text NOT NULL,
    message_id text NOT NULL,                -- Nats-Msg-Id
    payload bytea NOT NULL
);

GRANT SELECT ON plans TO croncoco_gateway, croncoco_scheduler;
GRANT SELECT (id, email, plan, failure_email_enabled, key_hash) ON accounts TO croncoco_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON accounts, tokens, answers, outbox TO croncoco_scheduler;
