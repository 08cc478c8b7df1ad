-- The directory, the books, and the small tables that make them fast.
-- `tenant_id` leads every key, unique index and foreign key of tenant data. The books (intent, attempt, outcome,
-- witness, link) only grow: no statement that changes or deletes their rows exists. Times are ms since 1970.

PRAGMA application_id = 1212897611;
PRAGMA user_version = 1;

CREATE TABLE tenant (
    tenant_id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE relay (
    tenant_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
    security TEXT NOT NULL CHECK (security IN ('none', 'starttls', 'implicit')),
    user_name TEXT NOT NULL,
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, relay_id),
    UNIQUE (tenant_id, host, port, security, user_name),
    FOREIGN KEY (tenant_id) REFERENCES tenant (tenant_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE credential (
    tenant_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    credential_version INTEGER NOT NULL CHECK (credential_version > 0),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 12),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, credential_version),
    UNIQUE (tenant_id, relay_id, fingerprint),
    UNIQUE (tenant_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE release (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    name TEXT NOT NULL,
    content_digest BLOB NOT NULL CHECK (length(content_digest) = 32),
    lane INTEGER NOT NULL CHECK (lane IN (0, 1)),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, relay_id) REFERENCES relay (tenant_id, relay_id)
) STRICT, WITHOUT ROWID;

-- What people may change of a release; states: 1 planning, 2 active, 3 paused, 4 cancelled.
CREATE TABLE release_state (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
    changed_at INTEGER NOT NULL,
    list_digest BLOB NOT NULL CHECK (length(list_digest) = 32),
    policy TEXT NOT NULL CHECK (policy IN ('hold', 'resend-once')),
    retry_initial_ms INTEGER NOT NULL CHECK (retry_initial_ms >= 0),
    deadline_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
) STRICT, WITHOUT ROWID;

-- Attachments may be large, which a table with a rowid holds better.
CREATE TABLE content_part (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    part_no INTEGER NOT NULL CHECK (part_no >= 0),
    name TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (tenant_id, release_id, part_no),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
) STRICT;

CREATE TABLE sender (
    sender_epoch INTEGER NOT NULL PRIMARY KEY CHECK (sender_epoch > 0),
    node_id INTEGER NOT NULL,
    journal INTEGER NOT NULL,
    boot BLOB NOT NULL CHECK (length(boot) = 16),
    started_at INTEGER NOT NULL
) STRICT;

CREATE TABLE session (
    tenant_id INTEGER NOT NULL,
    session_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    credential_version INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    peer TEXT NOT NULL,
    tls TEXT NOT NULL,
    sender_epoch INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, session_id),
    UNIQUE (tenant_id, session_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, relay_id, credential_version, fingerprint)
        REFERENCES credential (tenant_id, relay_id, credential_version, fingerprint)
) STRICT, WITHOUT ROWID;

-- Book 1: what is owed. `suppression` 0 is owed.
CREATE TABLE intent (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL CHECK (intent_no > 0),
    wave INTEGER NOT NULL CHECK (wave > 0),
    suppression INTEGER NOT NULL CHECK (suppression BETWEEN 0 AND 4),
    sender_epoch INTEGER NOT NULL,
    link_no INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
) STRICT, WITHOUT ROWID;

-- Book 2, first half: what was tried. The keys carry invariant 6: session, relay, secret and intent belong
-- to one tenant and to each other.
CREATE TABLE attempt (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no > 0),
    session_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    credential_version INTEGER NOT NULL,
    fingerprint BLOB NOT NULL,
    body_digest BLOB NOT NULL CHECK (length(body_digest) = 16),
    opened_at INTEGER NOT NULL,
    sender_epoch INTEGER NOT NULL,
    link_no INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no),
    FOREIGN KEY (tenant_id, session_id, relay_id, credential_version, fingerprint)
        REFERENCES session (tenant_id, session_id, relay_id, credential_version, fingerprint),
    FOREIGN KEY (tenant_id, release_id, intent_no) REFERENCES intent (tenant_id, release_id, intent_no)
) STRICT, WITHOUT ROWID;

-- Book 2, second half: what came of it. Verdicts: 1 accepted, 2 deferred, 3 rejected, 4 unknown, 5 cancelled,
-- 6 expired. Phases: 0 permit … 7 dot, 8 reply. Attempt 0 settles an intent without a try.
CREATE TABLE outcome (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no >= 0),
    verdict INTEGER NOT NULL CHECK (verdict BETWEEN 1 AND 6),
    phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 8),
    code INTEGER CHECK (code BETWEEN 200 AND 599),
    enhanced INTEGER CHECK (enhanced BETWEEN 2000000 AND 5999999),
    reply_digest BLOB CHECK (length(reply_digest) = 16),
    at INTEGER NOT NULL,
    sender_epoch INTEGER NOT NULL,
    link_no INTEGER NOT NULL,
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
) STRICT, WITHOUT ROWID;

-- Book 3: what others saw. One event of one source is one entry.
CREATE TABLE witness (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL CHECK (attempt_no >= 0),
    source TEXT NOT NULL,
    event_id TEXT NOT NULL,
    accepted INTEGER NOT NULL CHECK (accepted IN (0, 1)),
    payload_digest BLOB NOT NULL CHECK (length(payload_digest) = 32),
    at INTEGER NOT NULL,
    sender_epoch INTEGER NOT NULL,
    link_no INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no, source, event_id),
    UNIQUE (tenant_id, source, event_id),
    FOREIGN KEY (tenant_id, release_id, intent_no) REFERENCES intent (tenant_id, release_id, intent_no)
) STRICT, WITHOUT ROWID;

-- The hash chains: one link per book, tenant and writer's epoch and commit. `rows_total` counts up to this link.
CREATE TABLE link (
    tenant_id INTEGER NOT NULL,
    book INTEGER NOT NULL CHECK (book BETWEEN 1 AND 4),
    sender_epoch INTEGER NOT NULL,
    link_no INTEGER NOT NULL CHECK (link_no > 0),
    row_count INTEGER NOT NULL CHECK (row_count > 0),
    rows_total INTEGER NOT NULL,
    root BLOB NOT NULL CHECK (length(root) = 32),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, book, sender_epoch, link_no)
) STRICT, WITHOUT ROWID;

-- The audience's own count and digest, per wave; the last three are set when it is sealed.
CREATE TABLE audience_wave (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    wave INTEGER NOT NULL CHECK (wave > 0),
    first_intent INTEGER NOT NULL CHECK (first_intent > 0),
    last_intent INTEGER,
    digest BLOB CHECK (length(digest) = 32),
    sealed_at INTEGER,
    PRIMARY KEY (tenant_id, release_id, wave),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id),
    CHECK ((last_intent IS NULL) = (digest IS NULL) AND (digest IS NULL) = (sealed_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Personal data: erasable, in no chain.
CREATE TABLE recipient (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    address TEXT NOT NULL,
    fields TEXT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE reply_text (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    attempt_no INTEGER NOT NULL,
    verdict INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no, attempt_no, verdict)
) STRICT, WITHOUT ROWID;

-- Small tables, each of which can be rebuilt from the books.

-- `due_at` NULL: done, nothing of it may be tried by itself any more.
CREATE TABLE delivery_chunk (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    chunk_no INTEGER NOT NULL CHECK (chunk_no >= 0),
    first_intent INTEGER NOT NULL CHECK (first_intent > 0),
    last_intent INTEGER NOT NULL CHECK (last_intent >= first_intent),
    due_at INTEGER,
    lease_sender INTEGER,
    lease_epoch INTEGER NOT NULL,
    lease_until INTEGER,
    PRIMARY KEY (tenant_id, release_id, chunk_no),
    UNIQUE (tenant_id, release_id, first_intent),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id),
    CHECK ((lease_sender IS NULL) = (lease_until IS NULL)),
    CHECK (lease_sender IS NULL OR due_at IS NOT NULL)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_chunk_waiting ON delivery_chunk (tenant_id, release_id, due_at, chunk_no)
    WHERE due_at IS NOT NULL AND lease_sender IS NULL;

CREATE INDEX delivery_chunk_leased ON delivery_chunk (tenant_id, lease_sender, release_id, chunk_no)
    WHERE lease_sender IS NOT NULL;

CREATE TABLE retry_due (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    intent_no INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id, intent_no)
) STRICT, WITHOUT ROWID;

CREATE TABLE counter (
    tenant_id INTEGER NOT NULL,
    release_id INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    suppressed INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    expired INTEGER NOT NULL,
    unknown INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    duplicates INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, release_id),
    FOREIGN KEY (tenant_id, release_id) REFERENCES release (tenant_id, release_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE relay_use (
    tenant_id INTEGER NOT NULL,
    relay_id INTEGER NOT NULL,
    second INTEGER NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, relay_id, second)
) STRICT, WITHOUT ROWID;
