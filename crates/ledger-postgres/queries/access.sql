-- Who may do what with the books of one schema, by roles that own nothing; may be run again at any time.
-- hikyaku_owner owns the tables; hikyaku_engine sends, and can only add to the books; hikyaku_api sees and writes the
-- one tenant that hikyaku.tenant names; hikyaku_watch reads all tenants. Give them to logins: GRANT hikyaku_engine TO …
DO $access$
DECLARE
    role TEXT;
    books RECORD;
    mine CONSTANT TEXT := $$tenant_id = nullif(current_setting('hikyaku.tenant', true), '')::bigint$$;
    append_only CONSTANT TEXT[] := ARRAY['tenant', 'relay', 'credential', 'release', 'content_part', 'sender', 'session',
        'intent', 'attempt', 'outcome', 'witness', 'link', 'recipient', 'reply_text', 'audit'];
    api_adds CONSTANT TEXT[] := ARRAY['relay', 'credential', 'release', 'release_state', 'content_part', 'audience_wave',
        'intent', 'recipient', 'link', 'delivery_chunk', 'counter', 'write_mark', 'document', 'audit'];
    api_changes CONSTANT TEXT[] := ARRAY['release_state', 'audience_wave', 'delivery_chunk', 'counter', 'write_mark',
        'document'];
    api_removes CONSTANT TEXT[] := ARRAY['document'];
BEGIN
    FOREACH role IN ARRAY ARRAY['hikyaku_owner', 'hikyaku_engine', 'hikyaku_api', 'hikyaku_watch'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        END IF;
    END LOOP;
    GRANT hikyaku_owner, hikyaku_engine TO "{user}";
    ALTER SCHEMA "{schema}" OWNER TO hikyaku_owner;
    GRANT USAGE ON SCHEMA "{schema}" TO hikyaku_engine, hikyaku_api, hikyaku_watch;
    FOR books IN
        SELECT c.relname AS name, format('%I.%I', n.nspname, c.relname) AS place,
            EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id') AS of_tenants
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '{schema}' AND c.relkind = 'r'
        ORDER BY c.relname
    LOOP
        EXECUTE format('ALTER TABLE %s OWNER TO hikyaku_owner', books.place);
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, hikyaku_engine, hikyaku_api, hikyaku_watch', books.place);
        EXECUTE format('GRANT SELECT ON %s TO hikyaku_engine, hikyaku_watch', books.place);
        IF books.name = 'refinery_schema_history' THEN
            EXECUTE format('GRANT SELECT ON %s TO hikyaku_api', books.place);
        ELSIF books.name = ANY (append_only) THEN
            EXECUTE format('GRANT INSERT ON %s TO hikyaku_engine', books.place);
        ELSE
            EXECUTE format('GRANT INSERT, UPDATE, DELETE ON %s TO hikyaku_engine', books.place);
        END IF;
        IF books.of_tenants THEN
            EXECUTE format('GRANT SELECT ON %s TO hikyaku_api', books.place);
            IF books.name = ANY (api_adds) THEN
                EXECUTE format('GRANT INSERT ON %s TO hikyaku_api', books.place);
            END IF;
            IF books.name = ANY (api_changes) THEN
                EXECUTE format('GRANT UPDATE ON %s TO hikyaku_api', books.place);
            END IF;
            IF books.name = ANY (api_removes) THEN
                EXECUTE format('GRANT DELETE ON %s TO hikyaku_api', books.place);
            END IF;
            EXECUTE format('DROP POLICY IF EXISTS engine ON %s', books.place);
            EXECUTE format('DROP POLICY IF EXISTS watch ON %s', books.place);
            EXECUTE format('DROP POLICY IF EXISTS api ON %s', books.place);
            EXECUTE format('CREATE POLICY engine ON %s TO hikyaku_engine USING (true) WITH CHECK (true)', books.place);
            EXECUTE format('CREATE POLICY watch ON %s FOR SELECT TO hikyaku_watch USING (true)', books.place);
            EXECUTE format('CREATE POLICY api ON %s TO hikyaku_api USING (%s) WITH CHECK (%s)', books.place, mine, mine);
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', books.place);
            EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', books.place);
        END IF;
    END LOOP;
    ALTER SEQUENCE "{schema}".writer_id OWNER TO hikyaku_owner;
    GRANT USAGE ON SEQUENCE "{schema}".writer_id TO hikyaku_engine, hikyaku_api;
END
$access$;
