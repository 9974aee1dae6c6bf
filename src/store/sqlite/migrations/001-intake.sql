CREATE TABLE lead_type (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  recontact_after INTEGER,
  created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE partner (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
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
  revoked_at INTEGER
) STRICT;

CREATE TABLE submission (
  id TEXT NOT NULL PRIMARY KEY,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  received_at INTEGER NOT NULL,
  type TEXT NOT NULL,
  mobile TEXT NOT NULL,
  delays INTEGER NOT NULL,
  content TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- The lead that it made, or the one that stood in its way.
  lead_id TEXT REFERENCES lead (id)
) STRICT;

-- A person's submissions are found through the leads; these are the ones that met none.
CREATE INDEX submission_by_lead ON submission (lead_id) WHERE lead_id IS NOT NULL;
CREATE INDEX submission_without_lead ON submission (mobile) WHERE lead_id IS NULL;

CREATE TABLE replay (
  submission_id TEXT NOT NULL REFERENCES submission (id),
  replayed_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  lead_id TEXT REFERENCES lead (id)
) STRICT;

CREATE INDEX replay_by_submission ON replay (submission_id);

CREATE TABLE lead (
  id TEXT NOT NULL PRIMARY KEY,
  type_id INTEGER NOT NULL REFERENCES lead_type (id),
  mobile TEXT NOT NULL,
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  -- No foreign key: a lead is written before its submission, whose outcome it decides, and a deferred
  -- key would search all leads at each submission.
  submission_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('scheduled', 'dialled', 'cancelled')),
  -- Empty while the lead stands, which is while no second one is taken for the same person and type;
  -- its own id afterwards. So one unique index keeps the promise and finds all leads of a person: an
  -- index by phone number is written at random places, and each costs about a third of the throughput.
  released TEXT NOT NULL DEFAULT '' CHECK (released IN ('', id)),
  accepted_at INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  claim TEXT,
  claimed_until INTEGER,
  dialled_at INTEGER,
  cancelled_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX lead_standing ON lead (mobile, type_id, released);
CREATE INDEX lead_due ON lead (due_at) WHERE state = 'scheduled';
