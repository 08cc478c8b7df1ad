-- Whether this user may make roles; its name; and whether a table is not yet under row-level security.
SELECT (SELECT rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user), current_user::text,
    EXISTS (SELECT FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND (r.rolname <> 'hikyaku_owner'
            OR (NOT c.relforcerowsecurity AND EXISTS (
                SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id'))))
