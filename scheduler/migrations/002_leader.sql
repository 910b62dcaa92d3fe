-- The lease, on PostgreSQL's clock. One row for ever. The epoch is UNIQUE so that it counts as a
-- key: see assert_leader.
CREATE TABLE lease (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    holder text NOT NULL DEFAULT '',
    epoch bigint NOT NULL UNIQUE DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO lease DEFAULT VALUES;

-- How far the leader has come. Each transaction that has effects moves it with them.
CREATE TABLE progress (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    last_tick timestamptz,                  -- runs of all minutes to this one are in RUNS
    runs_seq bigint NOT NULL DEFAULT 0,     -- all runs of RUNS to here have a row in executions
    commands_seq bigint NOT NULL DEFAULT 0, -- all messages of CMD to here are applied
    results_seq bigint NOT NULL DEFAULT 0,  -- all messages of RESULTS to here are applied
    next_account bigint NOT NULL DEFAULT 1,
    next_job bigint NOT NULL DEFAULT 1,
    next_outbox bigint NOT NULL DEFAULT 1
);
INSERT INTO progress DEFAULT VALUES;

-- First statement of each of the leader's transactions: no transaction of a leader whose lease was
-- taken, or ran out, commits. FOR KEY SHARE makes a candidate, who changes the epoch, wait for the
-- transactions under way, and does not hold up the leader's own renewals, which leave it alone.
CREATE FUNCTION assert_leader(my_epoch bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM lease WHERE epoch = my_epoch AND expires_at > clock_timestamp() FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'epoch % does not lead', my_epoch USING ERRCODE = 'CC001';
    END IF;
END
$$;

GRANT EXECUTE ON FUNCTION assert_leader(bigint) TO croncoco_scheduler;
GRANT SELECT, UPDATE ON lease, progress TO croncoco_scheduler;
