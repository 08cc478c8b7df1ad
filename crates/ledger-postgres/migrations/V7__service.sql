-- What people set, as JSON that stores do not look into, and the log of every change. Tenant 0 is the installation itself.

CREATE TABLE document (
    tenant_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL CHECK (char_length(kind) BETWEEN 1 AND 32),
    document_id TEXT COLLATE "C" NOT NULL CHECK (octet_length(document_id) BETWEEN 1 AND 400),
    version BIGINT NOT NULL CHECK (version > 0),
    body TEXT NOT NULL CHECK (octet_length(body) <= 2097152),
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, kind, document_id)
);

-- It only grows, as the books do; `chain` is over the entry and the one before.
CREATE TABLE audit (
    tenant_id BIGINT NOT NULL,
    audit_no BIGINT NOT NULL CHECK (audit_no > 0),
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    chain BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    PRIMARY KEY (tenant_id, audit_no)
);

-- Parts of a stream are numbered through 32 bits, all of them.
ALTER TABLE content_part ALTER COLUMN part_no TYPE BIGINT;
