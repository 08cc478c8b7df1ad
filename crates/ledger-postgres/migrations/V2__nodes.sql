-- Many senders over the same books: signs of life, what was taken over, shares of relays, and how releases are sent.
-- Small tables: nothing in them decides what an intent amounts to.

CREATE TABLE sender_presence (
    sender_epoch BIGINT NOT NULL PRIMARY KEY,
    host TEXT COLLATE "C" NOT NULL,
    seen_at BIGINT NOT NULL,
    left_at BIGINT
);

-- Chunks that another node took from a sender: that sender's journal may know more of its attempts in them.
CREATE TABLE lease_lost (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    chunk_no BIGINT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, chunk_no, sender_epoch),
    FOREIGN KEY (tenant_id, release_id, chunk_no) REFERENCES delivery_chunk (tenant_id, release_id, chunk_no)
);

CREATE TABLE relay_share (
    tenant_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    sessions BIGINT NOT NULL CHECK (sessions >= 0),
    wanted BIGINT NOT NULL CHECK (wanted >= 0),
    messages BIGINT NOT NULL CHECK (messages >= 0),
    until BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, sender_epoch),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
);

-- Relay, login and signing key of a release, encrypted under the installation's key.
CREATE TABLE release_route (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    credential_version INTEGER NOT NULL CHECK (credential_version > 0),
    sealed BYTEA NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);
