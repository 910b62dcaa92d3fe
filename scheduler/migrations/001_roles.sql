-- The processes' roles, each with the least it needs (granted table by table where they are made).
-- Roles belong to the whole PostgreSQL server, so another database may have made them already. An
-- operator gives them passwords, or lets them in by certificate or peer.
DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['croncoco_gateway', 'croncoco_scheduler', 'croncoco_dispatcher']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I LOGIN', role_name);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- another migration, of another database, was faster
            END;
        END IF;
    END LOOP;
END
$$;

-- Nothing is anybody's by default: not the schema, not temporary tables, not functions to come.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
END
$$;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO croncoco_gateway, croncoco_scheduler, croncoco_dispatcher;
