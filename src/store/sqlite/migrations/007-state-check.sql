-- The lead's table is made anew for the check of its states alone: of an IN with more than two texts SQLite makes a
-- table each time that it is asked, which was a fifth of what a lead took to insert.
CREATE TABLE lead_with_states (
  id TEXT NOT NULL PRIMARY KEY,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  mobile TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- No foreign key: a lead is written before its submission, whose outcome it decides, and a deferred
  -- key would search all leads at each submission.
  submission_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state = 'scheduled' OR state = 'dialled' OR state = 'cancelled' OR state = 'failed' OR state = 'expired'
  ),
  -- Empty while the lead stands, which is while no second one is taken for the same person and type;
  -- its own id afterwards. So one unique index keeps the promise and finds all leads of a person: an
  -- index by phone number is written at random places, and each costs about a third of the throughput.
  released TEXT NOT NULL DEFAULT '' CHECK (released IN ('', id)),
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  -- From when on the lead may be claimed: its due time, then the end of each lease or pause.
  next_try_at INTEGER NOT NULL,
  -- Who is handing it over; nobody while it is empty.
  claim TEXT,
  -- Since it was accepted, or since the operator sent it again.
  tries INTEGER NOT NULL DEFAULT 0,
  -- Whether a try ended without a clear answer, so that the dialler may have it all the same.
  may_have_arrived INTEGER NOT NULL DEFAULT 0 CHECK (may_have_arrived IN (0, 1)),
  dialled_at INTEGER,
  cancelled_at INTEGER,
  -- Where the trace of the request goes on that made it (W3C Trace Context, traceparent); null without tracing.
  trace TEXT
) STRICT, WITHOUT ROWID;

INSERT INTO lead_with_states (id, type_id, mobile, partner_id, submission_id, state, released, accepted_at, due_at,
  next_try_at, claim, tries, may_have_arrived, dialled_at, cancelled_at, trace)
SELECT id, type_id, mobile, partner_id, submission_id, state, released, accepted_at, due_at,
  next_try_at, claim, tries, may_have_arrived, dialled_at, cancelled_at, trace
FROM lead;

DROP TABLE lead;
ALTER TABLE lead_with_states RENAME TO lead;

CREATE UNIQUE INDEX lead_standing ON lead (mobile, type_id, released);
CREATE INDEX lead_to_try ON lead (next_try_at) WHERE state = 'scheduled';
CREATE INDEX lead_failed ON lead (id) WHERE state = 'failed';

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
