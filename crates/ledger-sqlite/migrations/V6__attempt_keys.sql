-- Nothing here: SQLite looks foreign keys up where it inserts, at a small part of the row's cost.
PRAGMA user_version = 6;
