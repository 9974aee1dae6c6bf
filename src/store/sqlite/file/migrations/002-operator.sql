-- Settings that every server and command of the store shares.
CREATE TABLE setting (
  -- Name of the environment variable.
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL,
  set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The key that a submission or cancellation was sent with; null: it was received before this migration.
ALTER TABLE submission ADD COLUMN key_id TEXT;

-- A suspended partner's keys are refused until it is resumed. A deleted partner keeps its name and its leads, as evidence.
ALTER TABLE partner ADD COLUMN suspended_at INTEGER;
ALTER TABLE partner ADD COLUMN deleted_at INTEGER;

-- The response to a request with several submissions, as it is replayed (JSON); null: it has one outcome. It contains nothing
-- of what the partner sent.
ALTER TABLE idempotency_record ADD COLUMN response TEXT;

-- Maximum number of leads of the partner that are accepted on one day (UTC); null: any number.
ALTER TABLE partner ADD COLUMN daily_quota INTEGER;

-- Maximum priority of the partner's leads.
ALTER TABLE partner ADD COLUMN max_priority INTEGER NOT NULL DEFAULT 9 CHECK (max_priority BETWEEN 0 AND 9);

-- No leads of a retired type are accepted.
ALTER TABLE lead_type ADD COLUMN retired_at INTEGER;

-- Whether leads of the type must contain the person's consent.
ALTER TABLE lead_type ADD COLUMN consent_required INTEGER NOT NULL DEFAULT 0 CHECK (consent_required IN (0, 1));

-- When people of the type may be called: weekly hours, or 'always'. Null: undecided since this migration.
ALTER TABLE lead_type ADD COLUMN calling_hours TEXT;
-- A time zone (IANA), or 'person'.
ALTER TABLE lead_type ADD COLUMN calling_zone TEXT;
-- Country whose time zones count for a person whose number belongs to none (ISO 3166-1 alpha-2).
ALTER TABLE lead_type ADD COLUMN calling_country TEXT;
-- Dates on which nobody is called, separated by commas.
ALTER TABLE lead_type ADD COLUMN holidays TEXT;

-- A partner whose grant was revoked sends no more leads of the type, but can still cancel those that it has sent.
ALTER TABLE granted_type ADD COLUMN revoked_at INTEGER;

-- The key that replaced it; null: none, or it was rotated before this migration. No foreign key: keys are copied in the
-- order of their ids, so that its row may be added later.
ALTER TABLE api_key ADD COLUMN replaced_by TEXT;

-- Whether requests with the key are about test data, which are in a store of their own.
ALTER TABLE api_key ADD COLUMN is_test INTEGER NOT NULL DEFAULT 0 CHECK (is_test IN (0, 1));

-- Former names of lead types, which partners may still send.
CREATE TABLE type_alias (
  name TEXT NOT NULL PRIMARY KEY,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Numbers that are not called. Each source has its own entries, so that those of one source can be removed.
CREATE TABLE suppression (
  -- E.164, or the keyed digest of an erased person's number, which sorts after every number.
  mobile TEXT NOT NULL,
  -- The lead type; 0: all types.
  type_id INTEGER NOT NULL,
  source TEXT NOT NULL CHECK (source = 'partner' OR source = 'operator' OR source = 'import' OR source = 'dialler'),
  -- Name of the partner, of the imported list or of the dialler; empty for operators.
  source_id TEXT NOT NULL,
  reason TEXT,
  -- When the person objected, and when it was entered here.
  objected_at INTEGER NOT NULL,
  entered_at INTEGER NOT NULL,
  -- The key that the partner sent it with; null: no partner.
  key_id TEXT,
  PRIMARY KEY (mobile, type_id, source, source_id)
) STRICT, WITHOUT ROWID;

-- The registries, such as TPS, whose lists a lead type requires: names, separated by commas; null: none.
ALTER TABLE lead_type ADD COLUMN registries TEXT;
-- Whether leads of the type that contain the person's consent are delivered although a registry lists the number.
ALTER TABLE lead_type ADD COLUMN registry_override INTEGER NOT NULL DEFAULT 0 CHECK (registry_override IN (0, 1));
-- When a screening service checks its numbers: 'auto' (if a server has one), 'on' (always) or 'off'.
ALTER TABLE lead_type ADD COLUMN screening TEXT NOT NULL DEFAULT 'auto';

-- Registries of numbers that are not called, such as TPS.
CREATE TABLE registry (
  name TEXT NOT NULL PRIMARY KEY,
  -- Maximum age of its list (ms).
  max_age INTEGER NOT NULL,
  -- The list in force; null: none was imported.
  list_id INTEGER
) STRICT, WITHOUT ROWID;

-- The lists of registries: those in force, those that are being imported, and those that are being removed.
CREATE TABLE registry_list (
  id INTEGER PRIMARY KEY,
  registry TEXT NOT NULL,
  -- Date of the list.
  dated_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  -- Null: it is being imported, or its import failed.
  completed_at INTEGER,
  -- Number of its entries.
  size INTEGER NOT NULL
) STRICT;

-- The numbers in the lists. By number, so that one search finds all lists that contain it.
CREATE TABLE registry_entry (
  mobile TEXT NOT NULL,
  list_id INTEGER NOT NULL,
  PRIMARY KEY (mobile, list_id)
) STRICT, WITHOUT ROWID;

-- What screening services reported about numbers, until it expires.
CREATE TABLE screening (
  mobile TEXT NOT NULL,
  service TEXT NOT NULL,
  is_listed INTEGER NOT NULL CHECK (is_listed IN (0, 1)),
  -- The lists that the service named, separated by commas; null: none.
  lists TEXT,
  checked_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (mobile, service)
) STRICT, WITHOUT ROWID;

CREATE INDEX screening_by_expiry ON screening (expires_at);

-- Counts a partner's objections of a day, and finds them to remove them. Imported lists, which may be long, are not in it.
CREATE INDEX suppression_of_partner ON suppression (source_id, entered_at) WHERE source = 'partner';

-- The numbers in the list without the plus sign. Each add searches it: it is a fifth of the size of the list, so that its inner
-- pages stay in the cache.
CREATE TABLE suppressed_number (
  digits INTEGER PRIMARY KEY
) STRICT;

-- A digest sorts after every number.
CREATE TRIGGER suppression_added AFTER INSERT ON suppression WHEN NEW.mobile < '-' BEGIN
  INSERT INTO suppressed_number (digits) VALUES (CAST(substr(NEW.mobile, 2) AS INTEGER)) ON CONFLICT (digits) DO NOTHING;
END;

CREATE TRIGGER suppression_removed AFTER DELETE ON suppression WHEN OLD.mobile < '-' BEGIN
  DELETE FROM suppressed_number WHERE digits = CAST(substr(OLD.mobile, 2) AS INTEGER)
    AND NOT EXISTS (SELECT 1 FROM suppression WHERE mobile = OLD.mobile);
END;

-- The table again, with four more states and columns: SQLite cannot change a check.
CREATE TABLE new_lead (
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
      OR state = 'held' OR state = 'dismissed' OR state = 'withdrawing' OR state = 'suppressed'
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
  trace TEXT,
  -- When the last claim was made; null: none since this migration.
  claimed_at INTEGER,
  -- What the lead waits for until next_attempt_at, such as 'calling-hours'; null: nothing but its time.
  waits_for TEXT,
  -- When it is too late to call; null: never.
  expires_at INTEGER,
  -- The leads with the highest one, up to 9, are delivered first among those that are due.
  priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 9)
) STRICT, WITHOUT ROWID;

INSERT INTO new_lead SELECT *, NULL, NULL, NULL, 0 FROM lead ORDER BY id;
DROP TABLE lead;
ALTER TABLE new_lead RENAME TO lead;

-- Guarantees one active lead per person and type, and finds all leads of a person, the latest included.
CREATE UNIQUE INDEX lead_active ON lead (mobile, type_id, ended_order);
-- By type, so that the leads of a paused type are skipped together, however many there are.
CREATE INDEX lead_due ON lead (type_id, next_attempt_at) WHERE state = 'scheduled';
-- Leads with a priority. Others are not in it.
CREATE INDEX lead_prioritised ON lead (type_id, priority DESC, next_attempt_at) WHERE state = 'scheduled' AND priority > 0;
CREATE INDEX lead_failed ON lead (id) WHERE state = 'failed';
CREATE INDEX lead_undecided ON lead (id) WHERE state = 'failed' AND ended_order = 0;
CREATE INDEX lead_held ON lead (id) WHERE state = 'held';
-- Leads whose last attempt failed. Accepting and delivering leads does not change it. With the columns of its condition, so
-- that it covers the queries: SQLite would otherwise read all scheduled leads (`lead_due`).
CREATE INDEX lead_waiting ON lead (type_id, next_attempt_at, due_at, attempts, claim, state, waits_for)
  WHERE state = 'scheduled' AND attempts > 0 AND claim IS NULL;
-- Leads that wait for calling hours, a screening or a registry. Others are not in it.
CREATE INDEX lead_not_permitted ON lead (type_id, waits_for, next_attempt_at, state)
  WHERE state = 'scheduled' AND waits_for IS NOT NULL;
-- Leads that were delivered after an attempt with an unknown outcome, by the time of the delivery. Others are not in it.
CREATE INDEX lead_to_recheck ON lead (dialled_at) WHERE may_have_arrived AND dialled_at IS NOT NULL;

INSERT INTO lead_count (state, count)
VALUES ('held', 0), ('dismissed', 0), ('withdrawing', 0), ('suppressed', 0);

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

-- What operators did with leads.
CREATE TABLE operator_action (
  id INTEGER PRIMARY KEY,
  lead_id TEXT NOT NULL REFERENCES lead (id),
  action TEXT NOT NULL,
  acted_at INTEGER NOT NULL
) STRICT;

CREATE INDEX operator_action_by_lead ON operator_action (lead_id);

-- People who were erased, without personal data: if a copy of the store from before is used again, they are erased again.
CREATE TABLE erasure (
  -- Keyed digest of the phone number. The key is not in the database (STORE_KEY_FILE).
  digest TEXT NOT NULL,
  erased_at INTEGER NOT NULL,
  key_id TEXT NOT NULL,
  -- Why evidence was erased too; null: it was kept.
  evidence_reason TEXT,
  PRIMARY KEY (digest, erased_at)
) STRICT, WITHOUT ROWID;

-- Keyed digests of the people of delivered leads that were pruned, so that nobody is called twice.
CREATE TABLE contacted_person (
  digest TEXT NOT NULL,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  dialled_at INTEGER NOT NULL,
  PRIMARY KEY (digest, type_id)
) STRICT, WITHOUT ROWID;

-- When each kind of maintenance last succeeded.
CREATE TABLE maintenance_run (
  -- 'backup', or 'duplicate-check': the time until which all delivered leads were checked.
  name TEXT NOT NULL PRIMARY KEY,
  ended_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Requests with a known key that were rejected, counted by day and reason. Contains no personal data.
CREATE TABLE rejection (
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- Start of the day in UTC.
  day INTEGER NOT NULL,
  operation TEXT NOT NULL,
  outcome TEXT NOT NULL,
  reason TEXT NOT NULL,
  count INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  last_request_id TEXT NOT NULL,
  PRIMARY KEY (partner_id, day, operation, outcome, reason)
) STRICT, WITHOUT ROWID;

-- Number of leads of each partner that were accepted on a day, for the daily quotas. Contains no personal data.
CREATE TABLE partner_usage (
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- Start of the day in UTC.
  day INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  PRIMARY KEY (partner_id, day)
) STRICT, WITHOUT ROWID;

-- Number of requests that each server may have in flight at the dialler. The row without a server is locked by renewals.
CREATE TABLE request_share (
  server TEXT PRIMARY KEY,
  requests INTEGER NOT NULL,
  ends_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When leads of a pause by the dialler can be claimed again; null: not before an operator resumes delivery.
ALTER TABLE delivery_pause ADD COLUMN retry_at INTEGER;

-- The keys that were current in this store (STORE_KEY_FILE). The keys themselves are not in the database.
CREATE TABLE store_key (
  id TEXT NOT NULL PRIMARY KEY,
  first_used_at INTEGER NOT NULL,
  -- When an operator recorded that it is lost; null: it is expected.
  forgotten_at INTEGER
) STRICT, WITHOUT ROWID;

-- Changes by operators, without personal data. Entries are never changed, and kept for six years (`minAuditAge`).
CREATE TABLE audit_entry (
  id INTEGER PRIMARY KEY,
  acted_at INTEGER NOT NULL,
  operator TEXT NOT NULL,
  host TEXT NOT NULL,
  command TEXT NOT NULL,
  subject_kind TEXT NOT NULL,
  subject_id TEXT,
  -- JSON objects; null: none.
  value_before TEXT,
  value_after TEXT
) STRICT;

CREATE TRIGGER audit_entry_changed BEFORE UPDATE ON audit_entry BEGIN
  SELECT RAISE(ABORT, 'Audit entries cannot be changed.');
END;

CREATE TRIGGER audit_entry_deleted BEFORE DELETE ON audit_entry
WHEN OLD.acted_at > (unixepoch() - 2192 * 86400) * 1000 BEGIN
  SELECT RAISE(ABORT, 'Audit entries are kept for six years.');
END;

-- Whether a lead that the dialler has, or may have, is withdrawn from it if its partner cancels it.
ALTER TABLE lead_type ADD COLUMN withdraws INTEGER NOT NULL DEFAULT 0 CHECK (withdraws IN (0, 1));

-- Withdrawals of leads that the dialler has, or may have.
CREATE TABLE withdrawal (
  lead_id TEXT NOT NULL PRIMARY KEY REFERENCES lead (id),
  cause TEXT NOT NULL CHECK (cause = 'cancellation' OR cause = 'objection' OR cause = 'erasure'),
  requested_at INTEGER NOT NULL,
  -- When it may be claimed: at once, then after the end of each lease or retry delay.
  next_attempt_at INTEGER NOT NULL,
  -- The claim that carries it out; null: none.
  claim TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Null: it is open.
  outcome TEXT CHECK (outcome = 'withdrawn' OR outcome = 'too-late' OR outcome = 'failed'),
  ended_at INTEGER,
  -- What the dialler last responded, without personal data or secrets.
  response TEXT,
  -- When a withdrawn lead is removed once more, because the dialler may have read it just before; null: not again.
  repeat_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX withdrawal_repeat ON withdrawal (repeat_at) WHERE repeat_at IS NOT NULL;
CREATE INDEX withdrawal_open ON withdrawal (next_attempt_at) WHERE outcome IS NULL;
CREATE INDEX withdrawal_failed ON withdrawal (lead_id) WHERE outcome = 'failed';

-- The other phone number with which a lead was last sent to the dialler. Written before each attempt.
CREATE TABLE sent_other_phone (
  lead_id TEXT NOT NULL PRIMARY KEY REFERENCES lead (id),
  -- E.164.
  mobile TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sent_other_phone_by_mobile ON sent_other_phone (mobile);

-- On what basis the attempt was permitted: JSON; null: unknown.
ALTER TABLE attempt ADD COLUMN basis TEXT;

-- What must be provable for years: requests, deliveries, objections. Entries are never changed. Each has a MAC over its
-- content and over the MAC of the entry before it, so that a change, a gap or another order is detected.
CREATE TABLE evidence (
  -- Position in the chain: 1, 2, 3, ... without gaps.
  sequence INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  -- The row that it documents, so that none is documented twice.
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  -- Whom it is about; null: nobody, or the content was removed.
  mobile TEXT,
  other_mobile TEXT,
  happened_at INTEGER NOT NULL,
  recorded_at INTEGER NOT NULL,
  -- JSON; null: it was removed, which a later entry documents.
  content TEXT,
  -- Key of the MACs; null: there was none, and they are plain digests.
  key_id TEXT,
  digest TEXT NOT NULL,
  mac TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX evidence_by_source ON evidence (source, source_id);
CREATE INDEX evidence_by_mobile ON evidence (mobile) WHERE mobile IS NOT NULL;
CREATE INDEX evidence_by_other_mobile ON evidence (other_mobile) WHERE other_mobile IS NOT NULL;
CREATE INDEX evidence_of_imports ON evidence (sequence) WHERE kind = 'import';

-- Evidence that is not in the chain yet, written in the transaction of what it documents.
CREATE TABLE evidence_pending (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  mobile TEXT,
  happened_at INTEGER NOT NULL,
  content TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far the chain reaches: one row.
CREATE TABLE evidence_chain (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  -- The last entry, and the last one that was removed from the beginning, with its MAC, sealed with the key.
  head_sequence INTEGER NOT NULL,
  start_sequence INTEGER NOT NULL,
  start_mac TEXT NOT NULL,
  start_key_id TEXT,
  start_seal TEXT NOT NULL,
  -- All rows up to `settled` are in the chain, and those that were seen up to `seen`. Others up to `seen` may still be
  -- uncommitted until all transactions before `horizon` have ended (PostgreSQL).
  submission_settled INTEGER NOT NULL,
  submission_seen INTEGER NOT NULL,
  attempt_settled INTEGER NOT NULL,
  attempt_seen INTEGER NOT NULL,
  horizon INTEGER
) STRICT;

-- Times in which leads could not be delivered: pauses that have ended, interruptions, and waits for a screening or a registry.
-- An empty type stands for all.
CREATE TABLE delivery_gap (
  type TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  PRIMARY KEY (type, started_at)
) STRICT, WITHOUT ROWID;

-- What the dialler reported about the calls of leads.
CREATE TABLE call_result (
  lead_id TEXT NOT NULL REFERENCES lead (id),
  -- Id of the call at the dialler.
  call_id TEXT NOT NULL,
  -- The dialler's code, and what it means; null: no result is configured for it.
  code TEXT NOT NULL,
  result TEXT,
  called_at INTEGER NOT NULL,
  -- How long somebody talked with the person (s); null: unknown.
  talk_time INTEGER,
  -- When it was first received, or last changed.
  received_at INTEGER NOT NULL,
  PRIMARY KEY (lead_id, call_id)
) STRICT, WITHOUT ROWID;

-- What happened to the leads of partners, for their webhooks and `POST /lead/events`. Rows are kept for 30 days.
CREATE TABLE partner_event (
  -- The order in which events of one lead happened.
  ordinal INTEGER PRIMARY KEY,
  -- Sorts by time.
  id TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  lead_id TEXT NOT NULL REFERENCES lead (id),
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  -- Such as 'lead.dialled'.
  kind TEXT NOT NULL,
  -- State of the lead after the event.
  state TEXT NOT NULL,
  -- Result and time of a call; null: the event is not about a call.
  result TEXT,
  called_at INTEGER,
  occurred_at INTEGER NOT NULL,
  -- Position among the events of the partner; null: not read yet. Assigned after the commit, so that no event appears
  -- before one that was read already (PostgreSQL).
  sequence INTEGER,
  -- When it may be sent to the webhook of the partner: at once, then the end of each lease or retry delay; null: not again.
  next_attempt_at INTEGER,
  -- The claim that sends it; null: none.
  claim TEXT,
  -- Number of attempts to send it.
  attempts INTEGER NOT NULL DEFAULT 0,
  -- Null: it was not sent, or the result is still open.
  sending_outcome TEXT CHECK (sending_outcome = 'delivered' OR sending_outcome = 'failed')
) STRICT;

CREATE UNIQUE INDEX partner_event_by_id ON partner_event (id);
CREATE INDEX partner_event_by_lead ON partner_event (lead_id);
CREATE UNIQUE INDEX partner_event_by_sequence ON partner_event (partner_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX partner_event_to_send ON partner_event (partner_id, next_attempt_at, ordinal) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX partner_event_failed ON partner_event (partner_id, ordinal) WHERE sending_outcome = 'failed';
CREATE INDEX partner_event_unread ON partner_event (partner_id, ordinal) WHERE sequence IS NULL;

-- Where events of a partner are sent. The secrets that sign them are derived from these salts with the key of the store.
CREATE TABLE partner_webhook (
  partner_id INTEGER NOT NULL PRIMARY KEY REFERENCES partner (id),
  url TEXT NOT NULL,
  salt TEXT NOT NULL,
  key_id TEXT NOT NULL,
  -- The secret that was replaced; null: none. It signs events too until `previous_until`.
  previous_salt TEXT,
  previous_key_id TEXT,
  previous_until INTEGER,
  set_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Attempts to send events.
CREATE TABLE webhook_attempt (
  id INTEGER PRIMARY KEY,
  event_id TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  lead_id TEXT NOT NULL REFERENCES lead (id),
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome = 'delivered' OR outcome = 'failed'),
  -- Status or error, without anything that the receiver sent.
  response TEXT NOT NULL
) STRICT;

CREATE INDEX webhook_attempt_by_event ON webhook_attempt (event_id);
CREATE INDEX webhook_attempt_by_lead ON webhook_attempt (lead_id);
CREATE INDEX webhook_attempt_by_partner ON webhook_attempt (partner_id, id);

-- Positions among the events of a partner.
CREATE TABLE event_position (
  partner_id INTEGER NOT NULL PRIMARY KEY REFERENCES partner (id),
  -- The last one that was assigned, and the last one that was removed because of its age.
  last_sequence INTEGER NOT NULL,
  removed_sequence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- In the transaction of what happened, whichever statement changes the state.
CREATE TRIGGER lead_event AFTER UPDATE OF state ON lead
WHEN OLD.state <> NEW.state AND (NEW.state = 'dialled' OR NEW.state = 'cancelled' OR NEW.state = 'failed'
  OR NEW.state = 'expired' OR NEW.state = 'suppressed') BEGIN
  INSERT INTO partner_event (id, partner_id, lead_id, type_id, kind, state, occurred_at, next_attempt_at)
  SELECT 'evt_' || printf('%012x', at) || lower(hex(randomblob(8))), NEW.partner_id, NEW.id, NEW.type_id,
    'lead.' || NEW.state, NEW.state, at,
    (SELECT at FROM partner_webhook WHERE partner_webhook.partner_id = NEW.partner_id)
  FROM (SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) AS at);
END;

-- When the dialler last reported the result of a call of the type, to the minute; null: never.
ALTER TABLE lead_type ADD COLUMN last_result_at INTEGER;
