-- Who is notified by Web Push. Times are milliseconds since 1970.

CREATE TABLE push_subscriptions (
    n          INTEGER PRIMARY KEY,
    -- SHA-256 of the endpoint, by which it is found.
    id         BLOB    NOT NULL,
    -- NULL: all sessions of the hub.
    session    INTEGER REFERENCES sessions (n),
    -- Endpoint and keys, encrypted under a key that is derived from hub.key.
    sealed     BLOB    NOT NULL,
    -- Whose it is, as JSON.
    device     TEXT    NOT NULL,
    -- What is asked is told.
    content    INTEGER NOT NULL,
    -- The end of a turn is told, too.
    done       INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX push_subscriptions_once ON push_subscriptions (coalesce(session, 0), id);
