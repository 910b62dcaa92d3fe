-- Ends the transactions of a leader whose lease ran out a second ago. They hold up who takes the
-- lease, and where that leader is stopped or cut off in the middle of sending one, nothing else
-- would end it: PostgreSQL waits for the rest, and no time-out of its own runs meanwhile.
CREATE FUNCTION lease_unblock() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM lease WHERE expires_at < clock_timestamp() - interval '1 second'
                                   AND expires_at > '-infinity') THEN
        -- SELECT FOR KEY SHARE, as in assert_leader, is what locks the table in this mode.
        PERFORM pg_terminate_backend(l.pid)
           FROM pg_locks l JOIN pg_stat_activity a USING (pid)
          WHERE l.locktype = 'relation' AND l.relation = 'lease'::regclass
            AND a.datname = current_database() AND a.usename = current_user
            AND l.mode = 'RowShareLock' AND l.granted AND l.pid <> pg_backend_pid();
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION lease_unblock() TO croncoco_scheduler;
