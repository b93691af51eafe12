-- Sessions, their events and their commands. Times are milliseconds since 1970.

CREATE TABLE sessions (
    n          INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    -- SHA-256 of the link's secret; the secret itself is derived from hub.key and never stored.
    link_hash  BLOB    NOT NULL UNIQUE,
    -- What a bridge said about itself, as JSON; NULL for the CLI.
    exporter   TEXT,
    -- The exporter has asked for commands at least once.
    steerable  INTEGER NOT NULL DEFAULT 0,
    shared     INTEGER NOT NULL DEFAULT 0,
    ended      INTEGER NOT NULL DEFAULT 0,
    last_seq   INTEGER NOT NULL DEFAULT 0,
    last_seen  INTEGER,
    -- A parent that some event names and nobody sent; the next re-attachment is asked for a replay.
    gap        TEXT,
    -- A replay has filled a gap: the order of events is that of their timestamps.
    healed     INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE events (
    session   INTEGER NOT NULL REFERENCES sessions (n),
    seq       INTEGER NOT NULL,
    id        TEXT    NOT NULL,
    timestamp TEXT    NOT NULL,
    -- The event's JSON text. Where text_hash is set, that text was cut out of it: cuts says where its pieces
    -- belong, as "byte in body:bytes of text" in order, with commas between.
    body      TEXT    NOT NULL,
    text_hash BLOB REFERENCES texts (hash),
    cuts      TEXT,
    PRIMARY KEY (session, seq),
    UNIQUE (session, id)
) STRICT;

-- Long texts that come again and again, such as the system prompt.
CREATE TABLE texts (
    hash BLOB PRIMARY KEY,
    text TEXT NOT NULL
) STRICT;

CREATE TABLE commands (
    session         INTEGER NOT NULL REFERENCES sessions (n),
    ord             INTEGER NOT NULL,
    id              TEXT    NOT NULL UNIQUE,
    client_id       TEXT    NOT NULL,
    kind            TEXT    NOT NULL,
    content         TEXT    NOT NULL,
    request_id      TEXT,
    tool_call_id    TEXT,
    answer          TEXT,
    state           TEXT    NOT NULL,
    reason          TEXT,
    at_seq          INTEGER NOT NULL,
    accepted_at     INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    delivered_at    INTEGER,
    acknowledged_at INTEGER,
    attempts        INTEGER NOT NULL,
    PRIMARY KEY (session, ord),
    UNIQUE (session, client_id)
) STRICT;
