-- Alerts by every three letters in a row of what a search looks at, so that a rare word is found
-- without a look at every alert.

-- Numbers of their own: alerts are known by their id, and nothing else keeps an alert's rowid.
CREATE TABLE alert_text (
  seq INTEGER PRIMARY KEY,
  id  TEXT NOT NULL UNIQUE
) STRICT;
CREATE VIRTUAL TABLE alert_search USING fts5 (
  search, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);
-- What is taken out leaves nothing behind: it is about people.
INSERT INTO alert_search (alert_search, rank) VALUES ('secure-delete', 1);
INSERT INTO alert_text (id) SELECT id FROM alert;
INSERT INTO alert_search (rowid, search) SELECT seq, search FROM alert_text JOIN alert USING (id);

CREATE TRIGGER alert_text_put AFTER INSERT ON alert BEGIN
  INSERT INTO alert_text (id) VALUES (NEW.id);
  INSERT INTO alert_search (rowid, search) SELECT seq, NEW.search FROM alert_text WHERE id = NEW.id;
END;
CREATE TRIGGER alert_text_change AFTER UPDATE OF search ON alert WHEN OLD.search <> NEW.search BEGIN
  INSERT INTO alert_search (alert_search, rowid, search)
    SELECT 'delete', seq, OLD.search FROM alert_text WHERE id = OLD.id;
  INSERT INTO alert_search (rowid, search) SELECT seq, NEW.search FROM alert_text WHERE id = NEW.id;
END;
CREATE TRIGGER alert_text_take AFTER DELETE ON alert BEGIN
  INSERT INTO alert_search (alert_search, rowid, search)
    SELECT 'delete', seq, OLD.search FROM alert_text WHERE id = OLD.id;
  DELETE FROM alert_text WHERE id = OLD.id;
END;
