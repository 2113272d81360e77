-- People: what they do with alerts, who they are, and the trail of both.

-- Narrow, so that a queue of 100,000 alerts is read in milliseconds; the newest revision's JSON
-- stands in `revision` already.
CREATE TABLE alert_narrow (
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
  state       TEXT    NOT NULL DEFAULT 'new', -- the triage row's, kept by a trigger
  assignee    TEXT,                           -- the triage row's, kept by a trigger
  search      TEXT    NOT NULL,               -- in lower case: entity and explanation
  -- Epoch ms by the wall clock: retention counts from here, for a log may be of any age.
  stored_at   INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;
INSERT INTO alert_narrow (id, revision, status, severity, entity_kind, entity_id, partner, unit, role,
                          opened_at, updated_at, persons, historical, state, assignee, search)
  SELECT alert.id, revision, status, severity, entity_kind, entity_id, partner, unit, role,
         opened_at, alert.updated_at, persons, historical, state, assignee,
         lower(entity_id || ' ' || coalesce(body ->> '$.explanation', ''))
  FROM alert JOIN triage USING (id);

-- What alerts have in common: the addresses and devices seen in their episodes.
CREATE TABLE alert_place (
  kind  TEXT NOT NULL CHECK (kind IN ('ip', 'device')),
  value TEXT NOT NULL,
  id    TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  PRIMARY KEY (kind, value, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_place_by_alert ON alert_place (id);
INSERT OR IGNORE INTO alert_place
  SELECT 'ip', place.value, alert.id FROM alert, json_each(body, '$.seen.ips') AS place;
INSERT OR IGNORE INTO alert_place
  SELECT 'device', place.value, alert.id FROM alert, json_each(body, '$.seen.devices') AS place;

DROP TABLE alert;
ALTER TABLE alert_narrow RENAME TO alert;
-- A range for each state and order. Partner and assignee, which people filter by most, stand in the
-- index too: what is not shown is passed over without looking at its row.
CREATE INDEX alert_by_priority ON alert (state, severity, persons, id, partner, assignee);
CREATE INDEX alert_by_update ON alert (state, updated_at, id, severity, partner, assignee);
-- All that is filtered by: a search walks this one, in order and without a look at the table.
CREATE INDEX alert_by_opening ON alert (state, opened_at, id, severity, persons, updated_at, partner,
  assignee, unit, status, historical, entity_kind, entity_id, search);
-- For the figures of a scrape.
CREATE INDEX alert_by_age ON alert (state, severity, opened_at);
CREATE INDEX alert_by_entity ON alert (entity_kind, entity_id, opened_at, id);

ALTER TABLE triage ADD COLUMN wake_at INTEGER;      -- on hold: epoch ms; NULL: until somebody takes it
ALTER TABLE triage ADD COLUMN held_signals INTEGER; -- on hold: signals it had; one more wakes it
CREATE INDEX triage_on_hold ON triage (id) WHERE state = 'on_hold';
CREATE TRIGGER triage_shows AFTER UPDATE OF state, assignee ON triage BEGIN
  UPDATE alert SET state = NEW.state, assignee = NEW.assignee WHERE id = NEW.id;
END;

-- What people did with an alert; what the engine did stands in `revision`.
CREATE TABLE activity (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  id       TEXT    NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL, -- the newest one they could see
  version  INTEGER NOT NULL, -- of the triage row after it
  at       INTEGER NOT NULL, -- epoch ms by the wall clock
  actor    TEXT    NOT NULL,
  what     TEXT    NOT NULL,
  value    TEXT,             -- assignee, wake-up time or verdict
  comment  TEXT
) STRICT;
CREATE INDEX activity_by_alert ON activity (id, seq);

-- Verdicts owed to the engine as control records.
CREATE TABLE verdict (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, verdict TEXT NOT NULL, actor TEXT NOT NULL, at INTEGER NOT NULL, applied INTEGER NOT NULL DEFAULT 0) STRICT;

-- Who did or saw what: each entry's hash covers the one before. Version 1 wrote no entry.
DROP TABLE audit;
CREATE TABLE audit (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  at       INTEGER NOT NULL, -- epoch ms by the wall clock
  actor    TEXT    NOT NULL,
  what     TEXT    NOT NULL,
  subject  TEXT    NOT NULL,
  detail   TEXT    NOT NULL, -- JSON
  previous TEXT    NOT NULL, -- hash of the entry before
  hash     TEXT    NOT NULL  -- SHA-256 of [previous, seq, at, actor, what, subject, detail] as JSON
) STRICT;
-- Where the chain begins: the last entry that retention took.
CREATE TABLE audit_anchor (
  one  INTEGER PRIMARY KEY CHECK (one = 1),
  seq  INTEGER NOT NULL,
  hash TEXT    NOT NULL
) STRICT;
INSERT INTO audit_anchor VALUES (1, 0, '');
CREATE TRIGGER audit_keeps BEFORE UPDATE ON audit BEGIN
  SELECT raise(ABORT, 'the audit trail is append-only');
END;
CREATE TRIGGER audit_holds BEFORE DELETE ON audit
  WHEN OLD.seq > (SELECT seq FROM audit_anchor) BEGIN
  SELECT raise(ABORT, 'the audit trail is append-only');
END;

CREATE TABLE user (
  name       TEXT    PRIMARY KEY,
  role       TEXT    NOT NULL CHECK (role IN ('viewer', 'analyst', 'responder', 'dpo', 'admin', 'auditor')),
  hash       TEXT    NOT NULL, -- argon2id, in the PHC string format
  language   TEXT,             -- NULL: as the browser says
  disabled   INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
  created_at INTEGER NOT NULL  -- epoch ms by the wall clock
) STRICT, WITHOUT ROWID;

CREATE TABLE session (
  hash       BLOB    PRIMARY KEY, -- SHA-256 of the cookie's secret
  user       TEXT    NOT NULL REFERENCES user (name) ON DELETE CASCADE,
  csrf       TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX session_by_user ON session (user);

CREATE TABLE token (
  name       TEXT    PRIMARY KEY,
  hash       BLOB    NOT NULL UNIQUE, -- SHA-256 of the secret
  scopes     TEXT    NOT NULL,        -- with spaces between
  created_by TEXT    NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,                 -- NULL: never
  used_at    INTEGER                  -- NULL: not yet
) STRICT, WITHOUT ROWID;

-- What an account read on a day that it closed.
CREATE TABLE account_day (
  account         TEXT    NOT NULL,
  day             TEXT    NOT NULL, -- local date, 2024-02-06
  listed          INTEGER NOT NULL,
  opened          INTEGER NOT NULL,
  foreign_origins INTEGER NOT NULL,
  PRIMARY KEY (account, day)
) STRICT, WITHOUT ROWID;
