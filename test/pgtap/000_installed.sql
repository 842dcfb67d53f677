-- What every pgTAP file can rely on.
BEGIN;
SELECT plan(3);
SELECT has_extension('appt');
SELECT has_extension('appt_test');
SELECT has_schema('appt');
SELECT * FROM finish();
ROLLBACK;
