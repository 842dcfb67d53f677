#!/bin/sh
# The login of PostgREST, as doc/rest.md says, with the password of the compose file.
set -eu
psql -v ON_ERROR_STOP=1 -v password="$AUTHENTICATOR_PASSWORD" -U "$POSTGRES_USER" -d "$POSTGRES_DB" <<'SQL'
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
GRANT appt_authenticator TO authenticator;
ALTER ROLE authenticator SET intervalstyle = 'iso_8601';
ALTER ROLE authenticator SET timezone = 'UTC';
ALTER ROLE authenticator SET statement_timeout = '10s';
ALTER ROLE authenticator SET idle_in_transaction_session_timeout = '10s';
ALTER ROLE authenticator SET jit = off;
SQL
