-- What the list of all sessions needs, and what stays of a session that is deleted.

-- What a person has called it.
ALTER TABLE sessions ADD COLUMN name TEXT;
-- Somebody has put it away.
ALTER TABLE sessions ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
-- What the list shows of it, as JSON, as of the event `card_seq`: where that is the last one, the list need not read
-- the session's events.
ALTER TABLE sessions ADD COLUMN card TEXT;
ALTER TABLE sessions ADD COLUMN card_seq INTEGER;

-- Sessions that were deleted. Their numbers are not given again.
CREATE TABLE deleted_sessions (
    n          INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL,
    deleted_at INTEGER NOT NULL
) STRICT;

-- The audits of sessions that were deleted.
CREATE TABLE kept_audit (
    session    INTEGER NOT NULL REFERENCES deleted_sessions (n),
    n          INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    command    TEXT,
    kind       TEXT    NOT NULL,
    device     TEXT,
    request_id TEXT,
    subject    TEXT,
    reason     TEXT,
    PRIMARY KEY (session, n)
) STRICT;

CREATE TRIGGER kept_audit_stays BEFORE UPDATE ON kept_audit
BEGIN
    SELECT raise(ABORT, 'the audit is not changed');
END;

CREATE TRIGGER kept_audit_is_kept BEFORE DELETE ON kept_audit
BEGIN
    SELECT raise(ABORT, 'the audit is not changed');
END;
