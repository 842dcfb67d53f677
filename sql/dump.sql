/* dump.sql: all rows of the extension's tables are user data, so pg_dump dumps them. */

SELECT pg_catalog.pg_extension_config_dump('appt.organization', '');
SELECT pg_catalog.pg_extension_config_dump('appt.application', '');
SELECT pg_catalog.pg_extension_config_dump('appt.appointment', '');
SELECT pg_catalog.pg_extension_config_dump('appt.participant', '');
SELECT pg_catalog.pg_extension_config_dump('appt.room_access', '');
SELECT pg_catalog.pg_extension_config_dump('appt.idempotency_key', '');
SELECT pg_catalog.pg_extension_config_dump('appt.rule', '');
SELECT pg_catalog.pg_extension_config_dump('appt.template', '');
SELECT pg_catalog.pg_extension_config_dump('appt.subscription', '');
SELECT pg_catalog.pg_extension_config_dump('appt.provider', '');
SELECT pg_catalog.pg_extension_config_dump('appt.secret', '');
SELECT pg_catalog.pg_extension_config_dump('appt.notification', '');
SELECT pg_catalog.pg_extension_config_dump('appt.due', '');
SELECT pg_catalog.pg_extension_config_dump('appt.attempt', '');
SELECT pg_catalog.pg_extension_config_dump('appt.provider_message', '');
SELECT pg_catalog.pg_extension_config_dump('appt.one_time_code', '');
SELECT pg_catalog.pg_extension_config_dump('appt.identity', '');
SELECT pg_catalog.pg_extension_config_dump('appt.change', '');
SELECT pg_catalog.pg_extension_config_dump('appt.user_profile', '');
SELECT pg_catalog.pg_extension_config_dump('appt.user_preference', '');
SELECT pg_catalog.pg_extension_config_dump('appt.line', '');
SELECT pg_catalog.pg_extension_config_dump('appt.line_number', '');
SELECT pg_catalog.pg_extension_config_dump('appt.ring_group', '');
SELECT pg_catalog.pg_extension_config_dump('appt.ring_group_member', '');
SELECT pg_catalog.pg_extension_config_dump('appt.line_ring_group', '');
SELECT pg_catalog.pg_extension_config_dump('appt.line_subscription', '');
SELECT pg_catalog.pg_extension_config_dump('appt.user_event', '');

SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.rule', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.template', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.secret', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.notification', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.attempt', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.one_time_code', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.change', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.user_preference', 'id')::regclass, '');
SELECT pg_catalog.pg_extension_config_dump(pg_catalog.pg_get_serial_sequence('appt.user_event', 'id')::regclass, '');
