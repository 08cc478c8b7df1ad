-- Two foreign keys were looked up row by row by statements that write hundreds of rows at once, and cost as much as the
-- rows themselves. Those statements look the parents up themselves: intents join their release, attempts their intent.
-- What carries invariant 6 stays a key: an attempt belongs to a session of its tenant, relay and secret.
ALTER TABLE intent DROP CONSTRAINT intent_tenant_id_release_id_fkey;
ALTER TABLE attempt DROP CONSTRAINT attempt_tenant_id_release_id_intent_no_fkey;
