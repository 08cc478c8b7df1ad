-- What people set, as JSON that stores do not look into, and the log of every change. Tenant 0 is the installation itself.

CREATE TABLE document (
    tenant_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    version INTEGER NOT NULL CHECK (version > 0),
    body TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, kind, document_id)
) STRICT, WITHOUT ROWID;

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
