-- The last foreign key of the attempts. Each row of it was looked up, and its session locked, one by one: a twelfth of all
-- that sending costs the server. The statement that adds attempts joins their sessions instead, by the same five
-- columns (invariant 6), and the caller refuses the whole when any is left out. What is copied into other books is compared
-- by digests, and the check finds an attempt without its session. Nor are intents looked up any more: a chunk that is
-- locked holds sealed intents alone.
DO $keys$
DECLARE
    name TEXT;
BEGIN
    SELECT conname INTO STRICT name FROM pg_constraint
    WHERE conrelid = 'attempt'::regclass AND confrelid = 'session'::regclass AND contype = 'f';
    EXECUTE format('ALTER TABLE attempt DROP CONSTRAINT %I', name);
END
$keys$;
