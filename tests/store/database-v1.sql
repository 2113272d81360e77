PRAGMA foreign_keys = OFF;
BEGIN TRANSACTION;
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
INSERT INTO "alert" VALUES('01HNY0V1',2,'open',4,'account','cap00412','cap-emploi','cap-emploi-75','cap-adviser','2024-02-06T18:12:00Z','2024-02-06T18:40:00Z',200,0,'{"id":"01HNY0V1","revision":2,"status":"open","severity":"critical","confidence":0.97,"entity":{"kind":"account","id":"cap00412"},"partner":"cap-emploi","unit":"cap-emploi-75","role":"cap-adviser","accounts":["cap00412"],"account_count":1,"follows":null,"learning":false,"historical":false,"opened_at":"2024-02-06T18:12:00Z","first_event_at":"2024-02-06T17:20:00Z","last_event_at":"2024-02-06T18:40:00Z","updated_at":"2024-02-06T18:40:00Z","exposure":{"persons":200,"low":312,"high":312,"records":350,"unidentified":0,"data":{"nir":312},"population":{}},"seen":{"ips":["203.0.113.7"],"devices":[],"sessions":[]},"signals":[{"rule":"mass-extraction.volume","measure":"distinct_persons","window":"1h","observed":312,"expected":4.125,"threshold":38,"surprise":21.25,"at":"2024-02-06T18:12:00Z","persons_at":38,"peers":{"group":"cap-emploi/cap-adviser","size":214,"p99":61}}],"facts":[{"code":"volume","observed":312}],"explanation":"cap00412 read 312 persons in an hour where 4 are usual.","positions":[{"shard":"log/3","from":0,"to":40}],"model_epoch":61,"rules_version":"r1"}');
CREATE TABLE audit (
  seq   INTEGER PRIMARY KEY AUTOINCREMENT,
  at    INTEGER NOT NULL, -- epoch ms by the wall clock
  actor TEXT    NOT NULL,
  what  TEXT    NOT NULL,
  body  TEXT    NOT NULL
) STRICT;
CREATE TABLE control (
  seq      INTEGER PRIMARY KEY AUTOINCREMENT,
  source   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  kind     TEXT    NOT NULL,
  digest   TEXT    NOT NULL REFERENCES control_body (digest),
  at       INTEGER NOT NULL -- epoch ms by the wall clock
) STRICT;
INSERT INTO "control" VALUES(1,'log',3,0,'accounts','d1',1707000000000);
CREATE TABLE control_body (
  digest TEXT PRIMARY KEY,
  body   BLOB NOT NULL
) STRICT;
INSERT INTO "control_body" VALUES('d1',X'6163636F756E740A63617030303431320A');
CREATE TABLE mark (
  source   TEXT    NOT NULL,
  shard    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  epoch    INTEGER NOT NULL,
  PRIMARY KEY (source, shard)
) STRICT, WITHOUT ROWID;
INSERT INTO "mark" VALUES('log',3,40,61);
CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('key_id','0102030405060708');
CREATE TABLE outbox (
  id       TEXT    NOT NULL,
  revision INTEGER NOT NULL,
  sink     TEXT    NOT NULL,
  PRIMARY KEY (id, revision, sink),
  FOREIGN KEY (id, revision) REFERENCES revision (id, revision) ON DELETE CASCADE
) STRICT;
CREATE TABLE revision (
  id       TEXT    NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
  revision INTEGER NOT NULL,
  position INTEGER NOT NULL, -- the record that caused it
  body     TEXT    NOT NULL,
  PRIMARY KEY (id, revision)
) STRICT;
INSERT INTO "revision" VALUES('01HNY0V1',1,20,'{"id":"01HNY0V1","revision":1,"status":"open","severity":"critical","confidence":0.97,"entity":{"kind":"account","id":"cap00412"},"partner":"cap-emploi","unit":"cap-emploi-75","role":"cap-adviser","accounts":["cap00412"],"account_count":1,"follows":null,"learning":false,"historical":false,"opened_at":"2024-02-06T18:12:00Z","first_event_at":"2024-02-06T17:20:00Z","last_event_at":"2024-02-06T18:40:00Z","updated_at":"2024-02-06T18:40:00Z","exposure":{"persons":100,"low":312,"high":312,"records":350,"unidentified":0,"data":{"nir":312},"population":{}},"seen":{"ips":["203.0.113.7"],"devices":[],"sessions":[]},"signals":[{"rule":"mass-extraction.volume","measure":"distinct_persons","window":"1h","observed":312,"expected":4.125,"threshold":38,"surprise":21.25,"at":"2024-02-06T18:12:00Z","persons_at":38,"peers":{"group":"cap-emploi/cap-adviser","size":214,"p99":61}}],"facts":[{"code":"volume","observed":312}],"explanation":"cap00412 read 312 persons in an hour where 4 are usual.","positions":[{"shard":"log/3","from":0,"to":40}],"model_epoch":61,"rules_version":"r1"}');
INSERT INTO "revision" VALUES('01HNY0V1',2,30,'{"id":"01HNY0V1","revision":2,"status":"open","severity":"critical","confidence":0.97,"entity":{"kind":"account","id":"cap00412"},"partner":"cap-emploi","unit":"cap-emploi-75","role":"cap-adviser","accounts":["cap00412"],"account_count":1,"follows":null,"learning":false,"historical":false,"opened_at":"2024-02-06T18:12:00Z","first_event_at":"2024-02-06T17:20:00Z","last_event_at":"2024-02-06T18:40:00Z","updated_at":"2024-02-06T18:40:00Z","exposure":{"persons":200,"low":312,"high":312,"records":350,"unidentified":0,"data":{"nir":312},"population":{}},"seen":{"ips":["203.0.113.7"],"devices":[],"sessions":[]},"signals":[{"rule":"mass-extraction.volume","measure":"distinct_persons","window":"1h","observed":312,"expected":4.125,"threshold":38,"surprise":21.25,"at":"2024-02-06T18:12:00Z","persons_at":38,"peers":{"group":"cap-emploi/cap-adviser","size":214,"p99":61}}],"facts":[{"code":"volume","observed":312}],"explanation":"cap00412 read 312 persons in an hour where 4 are usual.","positions":[{"shard":"log/3","from":0,"to":40}],"model_epoch":61,"rules_version":"r1"}');
CREATE TABLE triage (
  id         TEXT    PRIMARY KEY REFERENCES alert (id) ON DELETE CASCADE,
  state      TEXT    NOT NULL DEFAULT 'new' CHECK (state IN ('new', 'in_progress', 'on_hold', 'closed')),
  verdict    TEXT,
  assignee   TEXT,
  comment    TEXT,
  version    INTEGER NOT NULL DEFAULT 1, -- the ETag: a change names the version it saw
  updated_at INTEGER                     -- epoch ms by the wall clock; NULL: nobody yet
) STRICT;
INSERT INTO "triage" VALUES('01HNY0V1','new',NULL,NULL,NULL,1,NULL);
CREATE INDEX alert_by_opening ON alert (opened_at, id);
CREATE INDEX control_by_shard ON control (source, shard, seq);
CREATE INDEX control_by_kind ON control (kind, seq);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('control',1);
COMMIT;
PRAGMA user_version = 1;
