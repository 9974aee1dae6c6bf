-- The first start of PostgreSQL: the servers' role, which owns its database and nothing else.
\set password `cat /run/secrets/leads-password`
CREATE ROLE leads LOGIN PASSWORD :'password';
CREATE DATABASE leads OWNER leads;
REVOKE CONNECT ON DATABASE leads FROM PUBLIC;
