-- Times are milliseconds since 1970. Mobile numbers are E.164.

CREATE TABLE lead_type (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  -- Re-contact period (ms); null: a person is never accepted again.
  recontact_after INTEGER,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE partner (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  -- Requests per second and burst of each key. Both null: the deployment's limit. A rate of 0: no limit.
  rate_limit INTEGER,
  rate_burst INTEGER
) STRICT;

CREATE TABLE granted_type (
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  PRIMARY KEY (partner_id, type_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
  id TEXT NOT NULL PRIMARY KEY,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  digest TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER,
  -- The key is refused from this time on; null: never.
  expires_at INTEGER,
  last_used_at INTEGER
) STRICT;

CREATE TABLE lead (
  id TEXT NOT NULL PRIMARY KEY,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  mobile TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- No foreign key: a lead is inserted before its submission, whose outcome it decides, and a deferred key would search
  -- all leads at each submission.
  submission_id TEXT NOT NULL,
  -- No IN: for more than two texts SQLite builds a table each time that it checks one.
  state TEXT NOT NULL CHECK (
    state = 'scheduled' OR state = 'dialled' OR state = 'cancelled' OR state = 'failed' OR state = 'expired'
  ),
  -- 0 while the lead is active: no second lead of the same person and type is accepted. Then 1, 2, 3, ... in the order in
  -- which the leads of the person and type ended.
  ended_order INTEGER NOT NULL DEFAULT 0 CHECK (ended_order >= 0),
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  -- When the lead may be claimed: its due time, then the end of each lease or retry delay.
  next_attempt_at INTEGER NOT NULL,
  -- The claim that delivers the lead; null: none.
  claim TEXT,
  -- Number of attempts since the lead was accepted or an operator retried it.
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Whether an attempt ended with an unknown outcome, so that the dialler may have the lead.
  may_have_arrived INTEGER NOT NULL DEFAULT 0 CHECK (may_have_arrived IN (0, 1)),
  dialled_at INTEGER,
  cancelled_at INTEGER,
  -- Trace of the request that created the lead (W3C Trace Context, traceparent); null without tracing.
  trace TEXT
) STRICT, WITHOUT ROWID;

-- Guarantees one active lead per person and type, and finds all leads of a person, the latest included.
CREATE UNIQUE INDEX lead_active ON lead (mobile, type_id, ended_order);
-- By type, so that the leads of a paused type are skipped together, however many there are.
CREATE INDEX lead_due ON lead (type_id, next_attempt_at) WHERE state = 'scheduled';
CREATE INDEX lead_failed ON lead (id) WHERE state = 'failed';
CREATE INDEX lead_undecided ON lead (id) WHERE state = 'failed' AND ended_order = 0;

-- Number of leads in each state: counting millions takes seconds, and the metrics are read every few seconds.
CREATE TABLE lead_count (
  state TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO lead_count (state, count)
VALUES ('scheduled', 0), ('dialled', 0), ('cancelled', 0), ('failed', 0), ('expired', 0);

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

-- Submissions and cancellations: everything that partners sent, in the order in which the store received it.
CREATE TABLE submission (
  -- The rowid, named so that it can be copied. It is larger than that of every row stored before.
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  -- A cancellation is stored like a submission, without a delay.
  kind TEXT NOT NULL DEFAULT 'add' CHECK (kind = 'add' OR kind = 'cancel'),
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  received_at INTEGER NOT NULL,
  -- Name of the lead type, as sent.
  type TEXT NOT NULL,
  mobile TEXT NOT NULL,
  -- Delay of the call (s).
  delays INTEGER NOT NULL,
  -- Request body as sent: JSON text.
  content TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- The lead that it created or cancelled, or the lead that prevented it.
  lead_id TEXT REFERENCES lead (id)
) STRICT;

-- What was sent for a person is found through the person's leads; the second index finds the rest.
CREATE INDEX submission_by_lead ON submission (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX submission_without_lead ON submission (mobile) WHERE lead_id IS NULL;

-- Re-runs of submissions by operators.
CREATE TABLE rerun (
  id INTEGER PRIMARY KEY,
  submission_id TEXT NOT NULL REFERENCES submission (id),
  rerun_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  lead_id TEXT REFERENCES lead (id)
) STRICT;

CREATE INDEX rerun_by_submission ON rerun (submission_id);
CREATE INDEX rerun_by_lead ON rerun (lead_id) WHERE lead_id IS NOT NULL;

-- Attempts to deliver leads to the dialler.
CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  lead_id TEXT NOT NULL REFERENCES lead (id),
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('delivered', 'rejected', 'unavailable', 'unknown')),
  -- What the dialler responded, without personal data or secrets.
  response TEXT NOT NULL
) STRICT;

CREATE INDEX attempt_by_lead ON attempt (lead_id);

-- Results of requests with an idempotency key, so that a repeated request gets the same response.
CREATE TABLE idempotency_record (
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  idempotency_key TEXT NOT NULL,
  -- Digest of the request: another request with the same key is refused.
  fingerprint TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- The lead that the request created. No foreign key: the record outlasts a lead that is pruned.
  lead_id TEXT,
  due_at INTEGER,
  recorded_at INTEGER NOT NULL,
  PRIMARY KEY (partner_id, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_record_by_age ON idempotency_record (recorded_at);

-- Pauses of delivery. An empty type stands for all lead types.
CREATE TABLE delivery_pause (
  type TEXT NOT NULL,
  paused_by TEXT NOT NULL CHECK (paused_by = 'operator' OR paused_by = 'dialler'),
  reason TEXT NOT NULL,
  paused_at INTEGER NOT NULL,
  PRIMARY KEY (type, paused_by)
) STRICT, WITHOUT ROWID;

-- The row that each readiness check writes.
CREATE TABLE readiness (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  checked_at INTEGER NOT NULL
) STRICT;
