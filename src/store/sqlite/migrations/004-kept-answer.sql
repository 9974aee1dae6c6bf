-- What a request with an idempotency key came to, so that it can be told again.
CREATE TABLE kept_answer (
  partner_id INTEGER NOT NULL REFERENCES partner (id),
  idempotency_key TEXT NOT NULL,
  -- What was asked for; another request under the same key is refused.
  fingerprint TEXT NOT NULL,
  outcome TEXT NOT NULL,
  -- Of the lead that it made. No foreign key: the answer stands while the lead may be pruned.
  lead_id TEXT,
  due_at INTEGER,
  kept_at INTEGER NOT NULL,
  PRIMARY KEY (partner_id, idempotency_key)
) STRICT, WITHOUT ROWID;

CREATE INDEX kept_answer_by_age ON kept_answer (kept_at);
