-- Whose books these are: a keyed check of the installation's key, never the key. `state` 1 is open for sending, 2 is
-- being copied into, 3 was moved away.
PRAGMA user_version = 3;

CREATE TABLE installation (
    installation_no INTEGER NOT NULL PRIMARY KEY CHECK (installation_no = 1),
    key_check BLOB NOT NULL CHECK (length(key_check) = 32),
    state INTEGER NOT NULL CHECK (state IN (1, 2, 3))
) STRICT;
