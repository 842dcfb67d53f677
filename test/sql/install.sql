-- The extension installs under its name, in the version that the control file promises.
SELECT extname, extversion = default_version AS is_default_version
  FROM pg_extension JOIN pg_available_extensions ON name = extname WHERE extname = 'appt';

-- It brings its schema along, and is nobody else's tenant: with "public", which people drop, it would be gone.
SELECT extnamespace::regnamespace AS belongs_to FROM pg_extension WHERE extname = 'appt';
BEGIN;
SET LOCAL client_min_messages = warning;
DROP SCHEMA public CASCADE;
SELECT count(*) AS organizations FROM appt.organization;
ROLLBACK;
