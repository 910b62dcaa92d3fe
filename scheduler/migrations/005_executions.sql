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
-- SECURITY DEFINER: the scheduler may call this, and own nothing. A partition is attached instead of
-- created in place, because that waits for nobody; a drop waits for the readers of executions, so
-- it gives up after a moment and is left to the next call.
CREATE FUNCTION executions_maintain(first_day date, last_day date, keep_from date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp SET lock_timeout = '200ms' AS $$
DECLARE
    day date;
    partition_name text;
BEGIN
    FOR day IN SELECT first_day + n FROM generate_series(0, last_day - first_day) n LOOP
        partition_name := to_char(day, '"executions_"YYYYMMDD');
        IF to_regclass('public.' || partition_name) IS NULL THEN
            EXECUTE format('CREATE TABLE public.%I (LIKE executions INCLUDING ALL)', partition_name);
            EXECUTE format('ALTER TABLE executions ATTACH PARTITION public.%I'
                           ' FOR VALUES FROM (%L) TO (%L)', partition_name,
                           to_char(day, 'YYYY-MM-DD"T00:00Z"'),
                           to_char(day + 1, 'YYYY-MM-DD"T00:00Z"'));
        END IF;
    END LOOP;
    FOR partition_name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE i.inhparent = 'public.executions'::regclass
           AND c.relname ~ '^executions_\d{8}$'
           AND to_date(substr(c.relname, 12), 'YYYYMMDD') < keep_from
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE public.%I', partition_name);
        EXCEPTION WHEN lock_not_available THEN
            EXIT;
        END;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION executions_maintain(date, date, date) TO croncoco_scheduler;

-- Jobs that were deleted, until their executions are too.
CREATE TABLE purges (job_id bigint PRIMARY KEY);

GRANT SELECT ON executions TO croncoco_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON executions, purges TO croncoco_scheduler;
