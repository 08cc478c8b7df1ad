-- Heard by the nodes of this schema once the transaction is durable.
SELECT pg_notify(current_schema() || '_work', '')
