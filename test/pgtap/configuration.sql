-- Organizations, applications, subscriptions and providers: what the functions store, and what they refuse.
BEGIN;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS organization \gset
SELECT is(count(*), 1::bigint, 'the first organization writes the identity') FROM appt.identity;
SELECT is(count(*), 1::bigint, 'the second leaves it') FROM appt.create_organization('Acme'), appt.identity;

SELECT appt.create_application(:'organization', 'Sales') AS application \gset
SELECT is(a, (SELECT ROW(d.*)::appt.application FROM (SELECT a.id, :'organization'::uuid, 'Sales'::text, 'STANDALONE'::appt.platform_code,
	true, false, NULL::text, NULL::integer, NULL::text, 'en'::text, 'UTC'::text, NULL::text,
	'24 hours'::appt.elapsed_time, '15 minutes'::appt.elapsed_time, NULL::integer, false, 4,
	'10 seconds'::appt.elapsed_time, '10 minutes'::appt.elapsed_time, NULL::integer, NULL::numeric, a.created_at) AS d),
	'an application has the default settings')
FROM appt.application a WHERE id = :'application';
SELECT is(string_agg(concat_ws(' ', type, channel, nullif(time_offset, '0')), ', ' ORDER BY type, channel, time_offset),
	'ACTIVATE WEBHOOK, CANCELLED EMAIL, CANCELLED SMS, CANCELLED WEBHOOK, CREATE EMAIL, CREATE SMS, CREATE WEBHOOK, '
	'FOLLOW_UP WEBHOOK, REMINDER EMAIL 01:00:00, REMINDER EMAIL 24:00:00, REMINDER WEBHOOK 01:00:00, REMINDER WEBHOOK 24:00:00, '
	'RESCHEDULE EMAIL, RESCHEDULE SMS, RESCHEDULE WEBHOOK, UPDATE WEBHOOK', 'and the default rules')
FROM appt.rule WHERE application_id = :'application' AND enabled;
SELECT * FROM appt.create_subscription(:'application', 'https://hooks.example/in') \gset subscription_
SELECT matches(:'subscription_hmac_key'::text, '^whsec_[A-Za-z0-9+/]{43}=$', 'a key is generated');
SELECT * FROM appt.rotate_subscription_key(:'subscription_id') \gset rotated_
SELECT ok(:'rotated_hmac_key' <> :'subscription_hmac_key', 'rotation makes another');
SELECT appt.set_provider(:'application', 'EMAIL', 'SMTP', 'smtp://mail.example:25', 'Acme <hello@acme.example>') AS provider \gset
SELECT is(count(*), 1::bigint, 'a provider is set') FROM appt.provider WHERE id = :'provider' AND enabled;
SELECT appt.set_notifications_enabled(:'organization', false);
SELECT is(notifications_enabled, false, 'the switch is off') FROM appt.organization WHERE id = :'organization';
SELECT * FROM finish();
ROLLBACK;
