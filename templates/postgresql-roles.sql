-- Roles for a database that several machines share, as `ir database roles` makes them; run as the owner of the tables.
-- Then: GRANT ir_runner TO worker_1; GRANT ir_approver TO alice; GRANT ir_reader TO auditor;
-- What a worker runs is signed (docs/recipes/postgresql.md), so these roles are a second wall, not the first.

DO $$
DECLARE
    role text;
    part record;
BEGIN
    FOREACH role IN ARRAY ARRAY['ir_runner', 'ir_approver', 'ir_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA public, dbos FROM %I', role);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA public, dbos FROM %I', role);
        EXECUTE format('GRANT USAGE ON SCHEMA public, dbos TO %I', role);
        EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public, dbos TO %I', role);
    END LOOP;
END
$$;

-- The runner begins, runs and ends incidents: `ir rotate`, `resume`, `contain`, `worker`, `schedule run`, `campaign`.
GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, dbos TO ir_runner;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, dbos TO ir_runner;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA dbos TO ir_runner;
-- Evidence, what people sent and what they agreed to is only ever added to.
REVOKE UPDATE, DELETE ON ir_entries, ir_signals, ir_consents FROM ir_runner;

-- The approver says yes (`ir approve`) and classifies (`ir classify`), and reads all of it.
-- Not the number of a signal: an incident hears none with a lower number than the last one that it heard.
GRANT INSERT (incident, kind, actor, at, body) ON ir_signals TO ir_approver;
GRANT USAGE ON SEQUENCE ir_signals_id_seq TO ir_approver;

-- Of signals, an approver may send only these: anything else is a runner's.
ALTER TABLE ir_signals ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS ir_read ON ir_signals;
DROP POLICY IF EXISTS ir_run ON ir_signals;
DROP POLICY IF EXISTS ir_approve ON ir_signals;
CREATE POLICY ir_read ON ir_signals FOR SELECT TO ir_reader, ir_approver USING (true);
CREATE POLICY ir_run ON ir_signals TO ir_runner USING (true) WITH CHECK (true);
CREATE POLICY ir_approve ON ir_signals FOR INSERT TO ir_approver WITH CHECK (kind IN ('approve', 'classify'));
