-- What a session's log, its commands and their audit need beyond 0001. Times are milliseconds since 1970.

-- Names the log; a log that is rebuilt gets another name.
ALTER TABLE sessions ADD COLUMN epoch TEXT NOT NULL DEFAULT '';
UPDATE sessions SET epoch = lower(hex(randomblob(6)));
-- Events up to this number have lost their text, but for those that are still needed.
ALTER TABLE sessions ADD COLUMN trimmed_before INTEGER NOT NULL DEFAULT 0;
-- What the session's state was after the event `trimmed_before`, as JSON.
ALTER TABLE sessions ADD COLUMN base TEXT;
-- Bytes of the events' texts.
ALTER TABLE sessions ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET bytes = (SELECT coalesce(sum(length(CAST(body AS BLOB))), 0) FROM events WHERE session = sessions.n);
-- When an event was stored last.
ALTER TABLE sessions ADD COLUMN active_at INTEGER;
UPDATE sessions SET active_at = coalesce(last_seen, created_at);

-- An event that was trimmed keeps its number, its id and its time, so that a repetition is known, and loses its text:
-- body is empty then.

-- `queue` or `steer`; for messages.
ALTER TABLE commands ADD COLUMN delivery TEXT NOT NULL DEFAULT 'steer';
-- Who gave it, as JSON.
ALTER TABLE commands ADD COLUMN device TEXT;
-- What it is about, for people.
ALTER TABLE commands ADD COLUMN subject TEXT;
-- The command that this one is a part of: a refusal's words follow it as a message.
ALTER TABLE commands ADD COLUMN part_of TEXT;
-- A message to send once the command is applied.
ALTER TABLE commands ADD COLUMN follow TEXT;
ALTER TABLE commands ADD COLUMN ended_at INTEGER;

-- Only ever grows, as long as the session is there.
CREATE TABLE audit (
    session    INTEGER NOT NULL REFERENCES sessions (n),
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

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit
BEGIN
    SELECT raise(ABORT, 'the audit is not changed');
END;
