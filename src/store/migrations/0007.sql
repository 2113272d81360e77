-- What the false-alert budget allowed, by shard and local day: what came is held against it.
CREATE TABLE promise (
  source        TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  day           INTEGER NOT NULL, -- local days since 1970
  starts_at     TEXT    NOT NULL, -- RFC 3339 UTC, as alerts have their opening
  ends_at       TEXT    NOT NULL,
  epoch         INTEGER NOT NULL, -- days of the deployment behind its thresholds
  account_weeks INTEGER NOT NULL, -- begun on the day
  PRIMARY KEY (source, shard, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX promise_by_day ON promise (day);

CREATE TABLE promise_share (
  source        TEXT    NOT NULL,
  shard         INTEGER NOT NULL,
  day           INTEGER NOT NULL,
  kind          TEXT    NOT NULL CHECK (kind IN ('rule', 'pooled', 'partner', 'role')),
  name          TEXT    NOT NULL, -- '' is a partner or role that the log does not say
  account_weeks INTEGER NOT NULL,
  alerts        REAL    NOT NULL, -- false ones allowed
  PRIMARY KEY (source, shard, day, kind, name),
  FOREIGN KEY (source, shard, day) REFERENCES promise ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
