-- The first start of PostgreSQL in compose.yaml: the servers' role, which owns its database, that of test data, and nothing
-- else. Without Compose, follow docs/operating/postgresql.md instead.
\set ON_ERROR_STOP on
\set password `cat /run/secrets/leads-password`
SELECT :'password' = '' AS is_missing \gset
\if :is_missing
  DO $$ BEGIN RAISE 'The file /run/secrets/leads-password is missing or empty, so nothing was created.'; END $$;
\endif
CREATE ROLE leads LOGIN PASSWORD :'password';
CREATE DATABASE leads OWNER leads;
REVOKE CONNECT ON DATABASE leads FROM PUBLIC;
CREATE DATABASE leads_test OWNER leads;
REVOKE CONNECT ON DATABASE leads_test FROM PUBLIC;
