-- What a request with an idempotency key came to, so that it can be told again.
CREATE TABLE kept_answer (
  partner_id integer NOT NULL,
  idempotency_key text COLLATE "C" NOT NULL,
  -- What was asked for; another request under the same key is refused.
  fingerprint text COLLATE "C" NOT NULL,
  outcome text NOT NULL,
  -- Of the lead that it made.
  lead_id text COLLATE "C",
  due_at bigint,
  kept_at bigint NOT NULL,
  CONSTRAINT kept_answer_key PRIMARY KEY (partner_id, idempotency_key)
);

CREATE INDEX kept_answer_by_age ON kept_answer (kept_at);
