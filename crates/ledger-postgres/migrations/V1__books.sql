-- The directory, the books, and the small tables that make them fast: the tables of ledger-sqlite with
-- PostgreSQL's types, and besides them `write_mark`. Names are ordered by their octets, as everywhere else.
-- `tenant_id` leads every key, unique index and foreign key of tenant data. The books (intent, attempt, outcome,
-- witness, link) only grow: no statement that changes or deletes their rows exists. Times are ms since 1970.

CREATE TABLE tenant (
    tenant_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE relay (
    tenant_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    security TEXT COLLATE "C" NOT NULL CHECK (security IN ('none', 'starttls', 'implicit')),
    user_name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, relay_id),
    UNIQUE (tenant_id, host, port, security, user_name),
    FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id)
);

CREATE TABLE credential (
    tenant_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    credential_version INTEGER NOT NULL CHECK (credential_version > 0),
    fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 12),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, credential_version),
    UNIQUE (tenant_id, relay_id, fingerprint),
    UNIQUE (tenant_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
);

CREATE TABLE release (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    content_digest BYTEA NOT NULL CHECK (octet_length(content_digest) = 32),
    lane SMALLINT NOT NULL CHECK (lane IN (0, 1)),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
);

-- What people may change of a release; states: 1 planning, 2 active, 3 paused, 4 cancelled.
CREATE TABLE release_state (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    state SMALLINT NOT NULL CHECK (state BETWEEN 1 AND 4),
    changed_at BIGINT NOT NULL,
    list_digest BYTEA NOT NULL CHECK (octet_length(list_digest) = 32),
    policy TEXT NOT NULL CHECK (policy IN ('hold', 'resend-once')),
    retry_initial_ms BIGINT NOT NULL CHECK (retry_initial_ms >= 0),
    deadline_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);

CREATE TABLE content_part (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    part_no INTEGER NOT NULL CHECK (part_no >= 0),
    name TEXT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (tenant_id, release_id, part_no),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);

CREATE TABLE sender (
    sender_epoch BIGINT NOT NULL PRIMARY KEY CHECK (sender_epoch > 0),
    node_id BIGINT NOT NULL,
    journal BIGINT NOT NULL,
    boot BYTEA NOT NULL CHECK (octet_length(boot) = 16),
    started_at BIGINT NOT NULL
);

CREATE TABLE session (
    tenant_id BIGINT NOT NULL,
    session_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    credential_version INTEGER NOT NULL,
    fingerprint BYTEA NOT NULL,
    peer TEXT NOT NULL,
    tls TEXT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    UNIQUE (tenant_id, session_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, relay_id, credential_version, fingerprint)
        REFERENCES credential (tenant_id, relay_id, credential_version, fingerprint)
);

-- Book 1: what is owed. `suppression` 0 is owed.
CREATE TABLE intent (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL CHECK (intent_no > 0),
    wave INTEGER NOT NULL CHECK (wave > 0),
    suppression SMALLINT NOT NULL CHECK (suppression BETWEEN 0 AND 4),
    sender_epoch BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);

-- Book 2, first half: what was tried. The keys carry invariant 6: session, relay, secret and intent belong
-- to one tenant and to each other.
CREATE TABLE attempt (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no > 0),
    session_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    credential_version INTEGER NOT NULL,
    fingerprint BYTEA NOT NULL,
    body_digest BYTEA NOT NULL CHECK (octet_length(body_digest) = 16),
    opened_at BIGINT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no),
    FOREIGN KEY (tenant_id, session_id, relay_id, credential_version, fingerprint)
        REFERENCES session (tenant_id, session_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, release_id, intent_no) REFERENCES intent (tenant_id, release_id, intent_no)
);

-- Book 2, second half: what came of it. Verdicts: 1 accepted, 2 deferred, 3 rejected, 4 unknown, 5 cancelled,
-- 6 expired. Phases: 0 permit … 7 dot, 8 reply. Attempt 0 settles an intent without a try.
CREATE TABLE outcome (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no >= 0),
    verdict SMALLINT NOT NULL CHECK (verdict BETWEEN 1 AND 6),
    phase SMALLINT NOT NULL CHECK (phase BETWEEN 0 AND 8),
    code SMALLINT CHECK (code BETWEEN 200 AND 599),
    enhanced INTEGER CHECK (enhanced BETWEEN 2000000 AND 5999999),
    reply_digest BYTEA CHECK (octet_length(reply_digest) = 16),
    at BIGINT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no, verdict),
    CONSTRAINT accepted_has_evidence CHECK (
        verdict <> 1 OR (attempt_no > 0 AND phase = 8 AND code IS NOT NULL AND code < 300)),
    CONSTRAINT deferred_is_before_the_dot_or_answered_no CHECK (
        verdict <> 2 OR (attempt_no > 0 AND phase <> 7 AND NOT (phase = 8 AND (code IS NULL OR code < 300)))),
    CONSTRAINT rejected_is_before_the_dot_or_answered_no CHECK (
        verdict <> 3 OR (phase <> 7 AND NOT (phase = 8 AND (code IS NULL OR code < 300)))),
    CONSTRAINT unknown_is_after_the_dot CHECK (verdict <> 4 OR (attempt_no > 0 AND phase >= 7)),
    CONSTRAINT settlement_has_no_attempt CHECK (verdict < 5 OR attempt_no = 0),
    CONSTRAINT no_attempt_has_no_dialogue CHECK (attempt_no > 0 OR (phase = 0 AND code IS NULL))
);

-- Book 3: what others saw. One event of one source is one entry.
CREATE TABLE witness (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no >= 0),
    source TEXT COLLATE "C" NOT NULL,
    event_id TEXT COLLATE "C" NOT NULL,
    accepted SMALLINT NOT NULL CHECK (accepted IN (0, 1)),
    payload_digest BYTEA NOT NULL CHECK (octet_length(payload_digest) = 32),
    at BIGINT NOT NULL,
    sender_epoch BIGINT NOT NULL,
    link_no BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no, source, event_id),
    UNIQUE (tenant_id, source, event_id),
    FOREIGN KEY (tenant_id, release_id, intent_no) REFERENCES intent (tenant_id, release_id, intent_no)
);

-- The hash chains: one link per book, tenant and writer's epoch and commit. `rows_total` counts up to this link.
CREATE TABLE link (
    tenant_id BIGINT NOT NULL,
    book SMALLINT NOT NULL CHECK (book BETWEEN 1 AND 4),
    sender_epoch BIGINT NOT NULL,
    link_no BIGINT NOT NULL CHECK (link_no > 0),
    row_count BIGINT NOT NULL CHECK (row_count > 0),
    rows_total BIGINT NOT NULL,
    root BYTEA NOT NULL CHECK (octet_length(root) = 32),
    chain BYTEA NOT NULL CHECK (octet_length(chain) = 32),
    at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, book, sender_epoch, link_no)
);

-- The audience's own count and digest, per wave; the last three are set when it is sealed.
CREATE TABLE audience_wave (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    wave INTEGER NOT NULL CHECK (wave > 0),
    first_intent BIGINT NOT NULL CHECK (first_intent > 0),
    last_intent BIGINT,
    digest BYTEA CHECK (octet_length(digest) = 32),
    sealed_at BIGINT,
    PRIMARY KEY (tenant_id, release_id, wave),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id),
    CHECK ((last_intent IS NULL) = (digest IS NULL) AND (digest IS NULL) = (sealed_at IS NULL))
);

-- Personal data: erasable, in no chain.
CREATE TABLE recipient (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    address TEXT NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no)
);

CREATE TABLE reply_text (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    attempt_no INTEGER NOT NULL,
    verdict SMALLINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no, verdict)
);

-- Small tables, each of which can be rebuilt from the books.

-- `due_at` NULL: done, nothing of it may be tried by itself any more.
CREATE TABLE delivery_chunk (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    chunk_no BIGINT NOT NULL CHECK (chunk_no >= 0),
    first_intent BIGINT NOT NULL CHECK (first_intent > 0),
    last_intent BIGINT NOT NULL CHECK (last_intent >= first_intent),
    due_at BIGINT,
    lease_sender BIGINT,
    lease_epoch BIGINT NOT NULL,
    lease_until BIGINT,
    PRIMARY KEY (tenant_id, release_id, chunk_no),
    UNIQUE (tenant_id, release_id, first_intent),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id),
    CHECK ((lease_sender IS NULL) = (lease_until IS NULL)),
    CHECK (lease_sender IS NULL OR due_at IS NOT NULL)
);

CREATE INDEX delivery_chunk_waiting ON delivery_chunk (tenant_id, release_id, due_at, chunk_no)
    WHERE due_at IS NOT NULL AND lease_sender IS NULL;

CREATE INDEX delivery_chunk_leased ON delivery_chunk (tenant_id, lease_sender, release_id, chunk_no)
    WHERE lease_sender IS NOT NULL;

CREATE TABLE retry_due (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    intent_no BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no)
);

CREATE TABLE counter (
    tenant_id BIGINT NOT NULL,
    release_id BIGINT NOT NULL,
    audience BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    rejected BIGINT NOT NULL,
    suppressed BIGINT NOT NULL,
    cancelled BIGINT NOT NULL,
    expired BIGINT NOT NULL,
    unknown BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    duplicates BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
);

CREATE TABLE relay_use (
    tenant_id BIGINT NOT NULL,
    relay_id BIGINT NOT NULL,
    second BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, second)
);

-- Who wrote last to a tenant's rows, by the number of its write: a commit whose reply was lost is told from one that
-- never was by inserting the same number again. One row for each store that was opened; old ones are dropped.
CREATE SEQUENCE writer_id;

CREATE TABLE write_mark (
    tenant_id BIGINT NOT NULL,
    writer_id BIGINT NOT NULL,
    mark_no BIGINT NOT NULL CHECK (mark_no > 0),
    written_at BIGINT NOT NULL,
    PRIMARY KEY (tenant_id, writer_id)
);
