-- What is owed to the outside, and what became of it. Replaces the table of 0001, which nothing
-- ever wrote.
DROP TABLE outbox;
CREATE TABLE outbox (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  id         TEXT    NOT NULL, -- of the alert, or of a note
  revision   INTEGER NOT NULL,
  sink       TEXT    NOT NULL,
  type       TEXT    NOT NULL, -- alert.opened, alert.updated, alert.ended; notes have their own
  state      TEXT    NOT NULL DEFAULT 'pending'
             CHECK (state IN ('pending', 'delivered', 'dead', 'summarised')),
  attempts   INTEGER NOT NULL DEFAULT 0,
  -- Epoch ms by the wall clock, here and below. The database asks for it: a commit has no clock.
  next_at    INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  last_error TEXT,
  created_at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
  done_at    INTEGER,
  day        INTEGER, -- days since 1970 (UTC) when it was let through, or held back for a summary
  body       TEXT,    -- of a note; NULL: the revision's
  revised    INTEGER AS (CASE WHEN body IS NULL THEN revision END) STORED,
  UNIQUE (sink, id, revision),
  FOREIGN KEY (id, revised) REFERENCES revision (id, revision) ON DELETE CASCADE
) STRICT;
CREATE INDEX outbox_due ON outbox (sink, next_at) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (seq) WHERE state = 'dead';
CREATE INDEX outbox_day ON outbox (sink, day, state) WHERE day IS NOT NULL;
CREATE INDEX outbox_of ON outbox (id, revised);

-- Where things are sent, and how that goes.
CREATE TABLE sink (
  name          TEXT PRIMARY KEY,
  fingerprint   TEXT NOT NULL, -- hash of its configuration: a change switches it on again
  disabled_at   INTEGER,       -- it said that it is gone for good
  last_ok_at    INTEGER,
  last_error_at INTEGER,
  last_error    TEXT
) STRICT, WITHOUT ROWID;
