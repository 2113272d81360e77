-- Campaigns: alerts that belong together.

-- The id of the earliest alert it belongs to; its own when it stands alone.
ALTER TABLE alert ADD COLUMN campaign TEXT NOT NULL DEFAULT '';
UPDATE alert SET campaign = id;
CREATE INDEX alert_by_campaign ON alert (campaign, opened_at, id);

-- What alerts have in common, sessions and the accounts that they are about now too.
CREATE TABLE alert_place_new (
  kind  TEXT NOT NULL CHECK (kind IN ('ip', 'device', 'session', 'account')),
  value TEXT NOT NULL,
  id    TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  -- New to the account when it crossed, or what the alert is about: never a site's own address.
  fresh INTEGER NOT NULL DEFAULT 0 CHECK (fresh IN (0, 1)),
  PRIMARY KEY (kind, value, id)
) STRICT, WITHOUT ROWID;
INSERT INTO alert_place_new (kind, value, id) SELECT kind, value, id FROM alert_place;
INSERT OR IGNORE INTO alert_place_new (kind, value, id)
  SELECT 'session', place.value, alert.id FROM alert JOIN revision USING (id, revision),
    json_each(body, '$.seen.sessions') AS place;
INSERT OR IGNORE INTO alert_place_new (kind, value, id)
  SELECT 'account', place.value, alert.id FROM alert JOIN revision USING (id, revision),
    json_each(body, '$.accounts') AS place;
DROP TABLE alert_place;
ALTER TABLE alert_place_new RENAME TO alert_place;
CREATE INDEX alert_place_by_alert ON alert_place (id);

-- Why two alerts belong together; the later one stored names the other.
CREATE TABLE campaign_link (
  id    TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  other TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  why   TEXT NOT NULL CHECK (why IN ('ip', 'device', 'session', 'account', 'follows')),
  value TEXT NOT NULL, -- the address, device, session or account; '' of follows
  PRIMARY KEY (id, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaign_link_other ON campaign_link (other);

-- What weighs when not every alert of a day may be told: the revision's own numbers.
ALTER TABLE outbox ADD COLUMN severity   INTEGER NOT NULL DEFAULT 0; -- info low medium high critical
ALTER TABLE outbox ADD COLUMN confidence REAL    NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN persons    INTEGER NOT NULL DEFAULT 0;
UPDATE outbox SET severity = alert.severity, persons = alert.persons,
  confidence = coalesce((SELECT body ->> '$.confidence' FROM revision
    WHERE revision.id = outbox.id AND revision.revision = outbox.revised), 0)
  FROM alert WHERE alert.id = outbox.id AND outbox.state = 'pending';
