-- From when on the key is refused; null for never.
ALTER TABLE api_key ADD COLUMN expires_at INTEGER;
ALTER TABLE api_key ADD COLUMN last_used_at INTEGER;
-- Requests a second, and at once after a pause: both null for the deployment's own, a rate of 0 for no limit.
ALTER TABLE partner ADD COLUMN rate_limit INTEGER;
ALTER TABLE partner ADD COLUMN rate_burst INTEGER;
