-- The newest revision of every alert, with the columns people filter and sort by.
CREATE TABLE alert (
  id          TEXT    PRIMARY KEY,
  revision    INTEGER NOT NULL,
  status      TEXT    NOT NULL CHECK (status IN ('open', 'ended')),
  severity    INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4), -- info low medium high critical
  entity_kind TEXT    NOT NULL,
  entity_id   TEXT    NOT NULL,
  partner     TEXT,
  unit        TEXT,
  role        TEXT,
  opened_at   TEXT    NOT NULL, -- RFC 3339 UTC: text order is time order
  updated_at  TEXT    NOT NULL,
  persons     INTEGER NOT NULL,
  historical  INTEGER NOT NULL CHECK (historical IN (0, 1)),
  body        TEXT    NOT NULL  -- the alert contract's JSON
) STRICT;
CREATE INDEX alert_by_opening ON alert (opened_at, id);

-- Every revision as it left the engine.
CREATE TABLE revision (
  id       TEXT    NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  position INTEGER NOT NULL, -- the record that caused it
  body     TEXT    NOT NULL,
  PRIMARY KEY (id, revision)
) STRICT;

-- What people say about an alert; never written by the engine after its first row.
CREATE TABLE triage (
  id         TEXT    PRIMARY KEY REFERENCES alert (id) ON DELETE CASCADE,
  state      TEXT    NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'in_progress', 'on_hold', 'closed')),
  verdict    TEXT,
  assignee   TEXT,
  comment    TEXT,
  version    INTEGER NOT NULL DEFAULT 1, -- the ETag: a change names the version it saw
  updated_at INTEGER                     -- epoch ms by the wall clock; NULL: nobody yet
) STRICT;

-- Revisions owed to the outside.
CREATE TABLE outbox (
  id       TEXT    NOT NULL,
  revision INTEGER NOT NULL,
  sink     TEXT    NOT NULL,
  PRIMARY KEY (id, revision, sink),
  FOREIGN KEY (id, revision) REFERENCES revision (id, revision) ON DELETE CASCADE
) STRICT;

-- Alerts of every record below the position are in this database.
CREATE TABLE mark (
  source   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  PRIMARY KEY (source, shard)
) STRICT, WITHOUT ROWID;

-- Inputs besides events, with the position at which each was applied.
CREATE TABLE control (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  source   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  kind     TEXT    NOT NULL,
  digest   TEXT    NOT NULL REFERENCES control_body (digest),
  at       INTEGER NOT NULL -- epoch ms by the wall clock
) STRICT;
CREATE INDEX control_by_shard ON control (source, shard, seq);
CREATE INDEX control_by_kind ON control (kind, seq);

-- Apart, because a directory load reaches all 64 shards of a source with the same bytes.
CREATE TABLE control_body (
  digest TEXT PRIMARY KEY,
  body   BLOB NOT NULL
) STRICT;

-- Who did or saw what.
CREATE TABLE audit (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  at    INTEGER NOT NULL, -- epoch ms by the wall clock
  actor TEXT    NOT NULL,
  what  TEXT    NOT NULL,
  body  TEXT    NOT NULL
) STRICT;

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
