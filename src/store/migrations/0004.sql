-- What vigie could not see, and when: one row from opening to closing.
CREATE TABLE blind (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  kind     TEXT    NOT NULL, -- source-silent, lag, persons-missing …
  subject  TEXT    NOT NULL, -- the source, the sink, the folder; '' where there is only one
  severity INTEGER NOT NULL CHECK (severity BETWEEN 0 AND 4), -- info low medium high critical
  since    INTEGER NOT NULL, -- epoch ms by the wall clock: when it began, before anybody was told
  until    INTEGER,          -- NULL: it goes on
  cause    TEXT    NOT NULL  -- its numbers as JSON; people's sentences are made from them
) STRICT;
-- One open row a kind and subject, however often it is told.
CREATE UNIQUE INDEX blind_open ON blind (kind, subject) WHERE until IS NULL;

-- When somebody first took an alert up: what time to acknowledge is measured by.
CREATE TABLE taken (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id  TEXT    NOT NULL UNIQUE REFERENCES alert (id) ON DELETE CASCADE,
  at  INTEGER NOT NULL -- epoch ms by the wall clock
) STRICT;
CREATE TRIGGER triage_taken AFTER UPDATE OF state ON triage
WHEN OLD.state = 'new' AND NEW.state <> 'new' AND NEW.updated_at IS NOT NULL
BEGIN
  INSERT INTO taken (id, at) VALUES (NEW.id, NEW.updated_at) ON CONFLICT (id) DO NOTHING;
END;

-- Whether an alert's events were old when it opened. Its newest revision cannot say: the one that
-- ends an episode after a day of silence always looks old.
ALTER TABLE triage ADD COLUMN opened_late INTEGER NOT NULL DEFAULT 0 CHECK (opened_late IN (0, 1));
UPDATE triage SET opened_late = coalesce((SELECT historical FROM alert WHERE alert.id = triage.id), 0);
CREATE TRIGGER triage_opened AFTER INSERT ON triage
BEGIN
  UPDATE triage SET opened_late =
    coalesce((SELECT historical FROM alert WHERE alert.id = NEW.id), 0) WHERE id = NEW.id;
END;

-- Metrics count what is not closed every few seconds: closed alerts must cost nothing.
CREATE INDEX triage_not_closed ON triage (state) WHERE state <> 'closed';
