-- What of each chunk is accounted for, and how many verdicts came in each minute: small tables that tell where to look
-- among millions of rows. Both can be made again from the books.

-- `sealed_digest` is of all the chunk's intents; the other two of those with an entry that says what became of them, as
-- of the chunk's seal, last return or settlement. NULL in chunks that were not walked since this migration.
ALTER TABLE delivery_chunk ADD COLUMN sealed_digest BYTEA CHECK (octet_length(sealed_digest) = 32);
ALTER TABLE delivery_chunk ADD COLUMN accounted BIGINT CHECK (accounted >= 0);
ALTER TABLE delivery_chunk ADD COLUMN accounted_digest BYTEA
    CHECK (octet_length(accounted_digest) = 32 AND (accounted IS NULL) = (accounted_digest IS NULL));
-- Which intents are left, where they are few: their places in the chunk, two octets each.
ALTER TABLE delivery_chunk ADD COLUMN open_intents BYTEA;

CREATE INDEX delivery_chunk_unaccounted ON delivery_chunk (tenant_id, release_id, chunk_no)
    WHERE accounted_digest IS NULL OR accounted_digest <> sealed_digest OR accounted <> last_intent - first_intent + 1;

-- Outcomes of each verdict by the minute of their time.
CREATE TABLE verdict_minute (
    tenant_id BIGINT NOT NULL,
    minute BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    deferred BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, minute, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);

-- The owner has no policy, and would see none of the rows.
ALTER TABLE outcome NO FORCE ROW LEVEL SECURITY;
INSERT INTO verdict_minute (tenant_id, minute, release_id, accepted, deferred, rejected, unknown, cancelled, expired)
SELECT tenant_id, at / 60000, release_id,
    count(*) FILTER (WHERE verdict = 1), count(*) FILTER (WHERE verdict = 2), count(*) FILTER (WHERE verdict = 3),
    count(*) FILTER (WHERE verdict = 4), count(*) FILTER (WHERE verdict = 5), count(*) FILTER (WHERE verdict = 6)
FROM outcome GROUP BY tenant_id, at / 60000, release_id;
ALTER TABLE outcome FORCE ROW LEVEL SECURITY;
