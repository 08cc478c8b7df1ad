-- What people set, as JSON that stores do not look into, and the log of every change. Tenant 0 is the installation itself.

-- A text may be large, which a table with a rowid holds better.
CREATE TABLE document (
    tenant_id INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 32),
    document_id TEXT NOT NULL CHECK (octet_length(document_id) BETWEEN 1 AND 400),
    version INTEGER NOT NULL CHECK (version > 0),
    body TEXT NOT NULL CHECK (octet_length(body) <= 2097152),
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, document_id)
) STRICT;

-- It only grows, as the books do; `chain` is over the entry and the one before.
CREATE TABLE audit (
    tenant_id INTEGER NOT NULL,
    audit_no INTEGER NOT NULL CHECK (audit_no > 0),
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    detail TEXT NOT NULL,
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    PRIMARY KEY (tenant_id, audit_no)
) STRICT, WITHOUT ROWID;

PRAGMA user_version = 7;
