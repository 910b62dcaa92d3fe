CREATE TYPE execution_status AS ENUM ('pending', 'success', 'failure', 'skipped');

-- One row for each slot of each job, in partitions of one day of scheduled_at (UTC).
CREATE TABLE executions (
    job_id bigint NOT NULL,
    scheduled_at timestamptz NOT NULL,       -- the slot
    replay integer NOT NULL,                 -- 0: the slot's own execution
    triggered_at timestamptz NOT NULL,       -- when the POST began; the slot, while it has not
    completed_at timestamptz,
    status execution_status NOT NULL,
    response_code smallint,
    duration_ms integer,
    attempts smallint NOT NULL,
    version integer NOT NULL,                -- of the job, when the run was emitted
    timeout_seconds smallint NOT NULL,
    error text,
    PRIMARY KEY (job_id, scheduled_at, replay)
) PARTITION BY RANGE (scheduled_at);

-- For a new leader: what is still open.
CREATE INDEX executions_pending ON executions (scheduled_at) WHERE status = 'pending';

-- Makes the partitions of the days first .. last and drops those that end before keep_from.
-- SECURITY DEFINER: the scheduler may call this, and own nothing.
CREATE FUNCTION executions_maintain(first_day date, last_day date, keep_from date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    day date;
    partition_name text;
BEGIN
    FOR day IN SELECT generate_series(first_day, last_day, interval '1 day')::date LOOP
        partition_name := 'executions_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF executions FOR VALUES FROM (%L) TO (%L)',
                           partition_name, day::text || ' 00:00+00', (day + 1)::text || ' 00:00+00');
        END IF;
    END LOOP;
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'executions'::regclass
           AND c.relname ~ '^executions_\d{8}$'
           AND to_date(substr(c.relname, 12), 'YYYYMMDD') < keep_from
    LOOP
        EXECUTE format('DROP TABLE %I', partition_name);
    END LOOP;
END
$$;
REVOKE ALL ON FUNCTION executions_maintain(date, date, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION executions_maintain(date, date, date) TO croncoco_scheduler;

-- Jobs that were deleted, until their executions are too.
CREATE TABLE purges (job_id bigint PRIMARY KEY);

GRANT SELECT ON executions TO croncoco_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON executions, purges TO croncoco_scheduler;
