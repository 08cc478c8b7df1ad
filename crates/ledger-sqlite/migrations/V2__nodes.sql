-- Many senders over the same books: signs of life, what was taken over, shares of relays, and how releases are sent.
-- Small tables: nothing in them decides what an intent amounts to.

PRAGMA user_version = 2;

CREATE TABLE sender_presence (
    sender_epoch INTEGER NOT NULL PRIMARY KEY,
    host TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    left_at INTEGER
) STRICT;

-- Chunks that another node took from a sender: that sender's journal may know more of its attempts in them.
CREATE TABLE lease_lost (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    chunk_no INTEGER NOT NULL,
    sender_epoch INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id, chunk_no, sender_epoch),
    FOREIGN KEY (tenant_id, release_id, chunk_no) REFERENCES delivery_chunk (tenant_id, release_id, chunk_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay_share (
    tenant_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    sender_epoch INTEGER NOT NULL,
    sessions INTEGER NOT NULL CHECK (sessions >= 0),
    wanted INTEGER NOT NULL CHECK (wanted >= 0),
    messages INTEGER NOT NULL CHECK (messages >= 0),
    until INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, sender_epoch),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
) STRICT, WITHOUT ROWID;

-- Relay, login and signing key of a release, encrypted under the installation's key.
CREATE TABLE release_route (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    credential_version INTEGER NOT NULL CHECK (credential_version > 0),
    sealed BLOB NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
) STRICT;
