-- Where the trace of the request goes on that made the lead (W3C Trace Context, traceparent); null without tracing.
ALTER TABLE lead ADD COLUMN trace TEXT;

-- How many leads there are in each state: to count millions takes seconds, and is asked for every few.
CREATE TABLE lead_count (
  state TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO lead_count (state, count)
SELECT known.value, (SELECT count(*) FROM lead WHERE state = known.value)
FROM json_each('["scheduled", "dialled", "cancelled", "failed", "expired"]') AS known;

CREATE TRIGGER lead_added AFTER INSERT ON lead BEGIN
  UPDATE lead_count SET count = count + 1 WHERE state = NEW.state;
END;

CREATE TRIGGER lead_moved AFTER UPDATE OF state ON lead WHEN OLD.state <> NEW.state BEGIN
  UPDATE lead_count SET count = count - 1 WHERE state = OLD.state;
  UPDATE lead_count SET count = count + 1 WHERE state = NEW.state;
END;

CREATE TRIGGER lead_removed AFTER DELETE ON lead BEGIN
  UPDATE lead_count SET count = count - 1 WHERE state = OLD.state;
END;
