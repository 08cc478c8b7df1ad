-- Whose books these are: a keyed check of the installation's key, never the key. `state` 1 is open for sending, 2 is
-- being copied into, 3 was moved away.
CREATE TABLE installation (
    installation_no SMALLINT NOT NULL PRIMARY KEY CHECK (installation_no = 1),
    key_check BYTEA NOT NULL CHECK (octet_length(key_check) = 32),
    state SMALLINT NOT NULL CHECK (state IN (1, 2, 3))
);
