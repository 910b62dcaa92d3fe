CREATE TABLE jobs (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES accounts ON DELETE CASCADE,
    version integer NOT NULL,                -- rises with every change
    name text NOT NULL,
    cron_expression text NOT NULL,
    webhook_url text NOT NULL,
    headers text,                            -- JSON text of an object of strings
    payload text,                            -- JSON text, byte for byte as it came
    failure_webhook_url text,
    enabled boolean NOT NULL,
    due_after timestamptz NOT NULL,          -- slots after this one count: creation, resumption, new schedule
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX jobs_account ON jobs (account_id, id DESC);

-- What changes with every run, apart from the wide rows that do not.
CREATE TABLE job_state (
    job_id bigint PRIMARY KEY,
    last_run_at timestamptz NOT NULL
) WITH (fillfactor = 50);

GRANT SELECT ON jobs, job_state TO croncoco_gateway;
GRANT SELECT ON jobs TO croncoco_dispatcher;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs, job_state TO croncoco_scheduler;
