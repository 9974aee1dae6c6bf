-- A replay and a try get a number that stays theirs, so that a copy can go on where it broke off.
CREATE TABLE numbered_replay (
  id INTEGER PRIMARY KEY,
  submission_id TEXT NOT NULL REFERENCES submission (id),
  replayed_at INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  lead_id TEXT REFERENCES lead (id)
) STRICT;

INSERT INTO numbered_replay (id, submission_id, replayed_at, outcome, lead_id)
SELECT rowid, submission_id, replayed_at, outcome, lead_id FROM replay ORDER BY rowid;

DROP TABLE replay;
ALTER TABLE numbered_replay RENAME TO replay;
CREATE INDEX replay_by_submission ON replay (submission_id);
CREATE INDEX replay_by_lead ON replay (lead_id) WHERE lead_id IS NOT NULL;

CREATE TABLE numbered_try (
  id INTEGER PRIMARY KEY,
  lead_id TEXT NOT NULL REFERENCES lead (id),
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('taken', 'refused', 'unavailable', 'unknown')),
  -- What came back, with nothing of the person and no secret in it.
  answer TEXT NOT NULL
) STRICT;

INSERT INTO numbered_try (id, lead_id, started_at, ended_at, outcome, answer)
SELECT rowid, lead_id, started_at, ended_at, outcome, answer FROM try ORDER BY rowid;

DROP TABLE try;
ALTER TABLE numbered_try RENAME TO try;
CREATE INDEX try_by_lead ON try (lead_id);

CREATE INDEX lead_failed ON lead (id) WHERE state = 'failed';
