ALTER TABLE api_key
  -- From when on the key is refused; null for never.
  ADD COLUMN expires_at bigint,
  ADD COLUMN last_used_at bigint;

-- Requests a second, and at once after a pause: both null for the deployment's own, a rate of 0 for no limit.
ALTER TABLE partner
  ADD COLUMN rate_limit integer,
  ADD COLUMN rate_burst integer;
