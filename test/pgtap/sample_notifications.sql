-- Samples: what a user is shown of a type, whatever it prefers; who may ask for them, and how often.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org, appt.create_organization('other') AS other_org \gset
SELECT appt.create_application(:'org', 'Acme', public_url => 'https://api.example/base/') AS app,
	appt.create_application(:'other_org', 'Other') AS other \gset
SELECT set_config('test.app', :'app', true) AS ignored \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', sender => 'us@example.com') AS mail,
	appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example') AS sms \gset
SELECT id AS hook FROM appt.create_subscription(:'app', 'https://hooks.example/', types => '{VOICEMAIL,MESSAGE}') \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels) VALUES
	(:'app', 'ann', 'Ann Agent', 'ann@example.com', '+306900000001', '{EMAIL,IN_APP}'),
	(:'app', 'bob', 'Bob', 'bob@example.com', NULL, '{EMAIL,SMS,IN_APP}'),
	(:'app', 'mute', NULL, NULL, NULL, '{}'), (:'app', 'off', NULL, 'off@example.com', NULL, '{EMAIL}');
UPDATE appt.user_profile SET enabled = false WHERE id = 'off';

CREATE FUNCTION pg_temp.sample(kind text, whom text, over text DEFAULT NULL) RETURNS SETOF bigint LANGUAGE sql AS
$$SELECT appt.send_sample_notification(kind, over, whom, current_setting('test.app')::uuid)$$;
-- As if the samples had been sent 11 minutes ago.
CREATE FUNCTION pg_temp.forget() RETURNS void LANGUAGE sql AS
$$UPDATE appt.notification SET due_at = due_at - interval '11 minutes' WHERE type = 'TEST'$$;

-- Where it goes.
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'app', 'ann', 'VOICEMAIL', false);
SELECT array_agg(id) AS ids FROM pg_temp.sample('VOICEMAIL', 'ann') id \gset
SELECT is(string_agg(concat_ws(' ', type, channel, recipient_kind, recipient_id, address, appointment_id, user_event_id), ', '
	ORDER BY id),
	'TEST EMAIL USER ann ann@example.com, TEST IN_APP USER ann ann', 'a TEST over each channel of the profile, whatever the preferences')
  FROM appt.notification WHERE id = ANY (:'ids');
SELECT is(count(*), 2::bigint, 'and nothing to anybody else') FROM appt.notification;
SELECT is(bool_and(eligible), true, 'they go out')
  FROM unnest(:'ids'::bigint[]) id, appt.notification_eligibility(id, now() + interval '1 second');
SELECT appt.set_notifications_enabled(:'org', false);
SELECT is(bool_and(eligible), true, 'while notifications are off, too')
  FROM unnest(:'ids'::bigint[]) id, appt.notification_eligibility(id, now() + interval '1 second');
SELECT appt.set_notifications_enabled(:'org', true);
-- What is planned, and whether it goes out.
CREATE FUNCTION pg_temp.outcome(kind text, whom text, over text DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	ids bigint[];
BEGIN
	SELECT array_agg(id) INTO ids FROM pg_temp.sample(kind, whom, over) id;
	RETURN (SELECT string_agg(concat_ws(' ', n.channel, n.address, e.reason), ', ' ORDER BY n.id)
		FROM appt.notification n, appt.notification_eligibility(n.id, now() + interval '1 second') e WHERE n.id = ANY (ids));
END $$;
SELECT is(pg_temp.outcome('CALL', 'ann', 'SMS'), 'SMS +306900000001', 'over one channel, also if the profile has switched it off');
SELECT is(pg_temp.outcome('BILLING_WARNING', 'bob'), 'EMAIL bob@example.com', 'of the channels of the profile those that the type has');
SELECT is(pg_temp.outcome('CALL', 'mute'), NULL, 'a profile without channels');
SELECT is(pg_temp.outcome('CALL', 'mute', 'EMAIL'), 'EMAIL NO_ADDRESS', 'a user without an address');
SELECT is(pg_temp.outcome('CALL', 'off'), 'EMAIL off@example.com USER_OFF', 'a user who is disabled');

-- What it says.
CREATE FUNCTION pg_temp.said(kind text, over text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sample bigint;
	words text[];
BEGIN
	PERFORM pg_temp.forget();
	SELECT id INTO sample FROM pg_temp.sample(kind, 'bob', over) id;
	words := appt_test.composed(sample);
	RETURN concat_ws(E'\n', words[3], words[4], words[5]);
END $$;
SELECT ok(length(said) > 20 AND said !~ '[{][{]|[}][}]|unknown contact', 
	format('%s by %s: %s', type, channel, left(split_part(said, E'\n', 1), 60)))
  FROM appt.notification_type, unnest(channels) channel, LATERAL pg_temp.said(type, channel) said
 WHERE audience = 'USERS' AND channel <> 'WEBHOOK';
SELECT matches(pg_temp.said('VOICEMAIL', 'EMAIL'), 'Voicemail from Maria Sample.*Hello Bob.*Sample line.*0:42.*api.example/base/sample',
	'a voicemail, with the user''s own name');
SELECT matches(pg_temp.said('APPOINTMENT_REMINDER', 'EMAIL'), 'Sample appointment.*Maria Sample.*30 minutes', 'an appointment');
SELECT matches(pg_temp.said('DAILY_SPENDING', 'EMAIL'),
	'Daily spending, Sample day.*Sample subject.*sent 42, failed 1.*Last error: Sample error',
	'a report');
SELECT alike(pg_temp.said('HIGH_SMS', 'SMS'), '%more than 15 text messages%', 'an alarm');
INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body)
VALUES (:'app', 'VOICEMAIL', 'EMAIL', 'en', 'Listen', '{{contact.name}} on {{line}} for {{fullName}}: {{payload.text}}');
SELECT alike(pg_temp.said('VOICEMAIL', 'EMAIL'), E'Listen\n'
	'Maria Sample on Sample line for Bob: This is a sample: nothing has happened.\n<!%',
	'in the words of the application''s own template');

-- What is refused.
SELECT pg_temp.forget();
SELECT count(*) AS before FROM appt.notification \gset
SELECT throws_ok('SELECT appt.send_sample_notification(' || replace(arguments, 'APP', quote_literal(:'app')) || ')',
	state, NULL, arguments)
  FROM (VALUES ('NULL, NULL, ''ann'', APP', '22023'), ('''PIGEON'', NULL, ''ann'', APP', '22023'),
	('''CREATE'', NULL, ''ann'', APP', '22023'),
	('''MESSAGE'', NULL, ''ann'', APP', '22023'), ('''TEST'', NULL, ''ann'', APP', '22023'), ('''CODE'', NULL, ''ann'', APP', '22023'),
	('''CALL'', ''WEBHOOK'', ''ann'', APP', '22023'), ('''CALL'', ''PIGEON'', ''ann'', APP', '22023'),
	('''CALL'', '''', ''ann'', APP', '22023'),
	('''BILLING_WARNING'', ''SMS'', ''ann'', APP', '22023'), ('''CALL'', NULL, ''ann''', '22023'), ('''CALL'', NULL, NULL, APP', '22023'),
	('''CALL'', NULL, ''nobody'', APP', 'PT404'), ('''CALL'', NULL, ''ann'', gen_random_uuid()', 'PT404')) r (arguments, state);
SELECT is(count(*), :before::bigint, 'nothing was planned') FROM appt.notification;

-- Three in ten minutes for each user.
SELECT count(*) FROM generate_series(1, 3), 
	LATERAL pg_temp.outcome('CALL', 'ann', CASE WHEN generate_series > 0 THEN 'EMAIL' END) \g /dev/null
CREATE FUNCTION pg_temp.refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	hint text;
BEGIN
	EXECUTE statement;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
	RETURN format('%s: %s. %s', SQLSTATE, SQLERRM, hint);
END $$;
SELECT is(pg_temp.refusal('SELECT pg_temp.sample(''CALL'', ''ann'')'),
	'PT429: too many sample notifications asked for. Wait a few minutes.',
	'the fourth');
SELECT is(pg_temp.refusal('SELECT pg_temp.sample(''FAX'', ''ann'', ''IN_APP'')'),
	'PT429: too many sample notifications asked for. Wait a few minutes.', 'of another type, over one channel');
SELECT lives_ok('SELECT pg_temp.sample(''CALL'', ''bob'')', 'another user has a limit of its own');
SELECT pg_temp.forget();
SELECT lives_ok('SELECT pg_temp.sample(''CALL'', ''ann'')', 'ten minutes later');

-- Whose: function_access.sql has all.
SELECT pg_temp.forget();
CREATE FUNCTION pg_temp.become(role text, claims json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', claims::text, true), set_config('role', role, true);
END $$;
SELECT pg_temp.become('appt_agent', json_build_object('sub', 'ann', 'application_id', :'app'));
SELECT is(count(*), 2::bigint, 'an agent: to itself') FROM appt.send_sample_notification('MENTION');
SELECT throws_ok('SELECT appt.send_sample_notification(''MENTION'', user_id => ''bob'')', 'PT404', 'user not found', 'and to nobody else');
RESET ROLE;
SELECT pg_temp.become('appt_supervisor', json_build_object('application_id', :'app'));
SELECT throws_ok('SELECT appt.send_sample_notification(''MENTION'')', '42501', NULL, 'a supervisor whose token names no user');
RESET ROLE;
SELECT pg_temp.become('appt_admin', json_build_object('sub', 'ada', 'organization_id', :'org'));
SELECT is(count(*), 3::bigint, 'an admin: to a user that it names')
  FROM appt.send_sample_notification('MENTION', user_id => 'bob', application_id => :'app');
SELECT throws_ok(format('SELECT appt.send_sample_notification(''MENTION'', user_id => ''bob'', application_id => %L)', :'other'), 'PT404',
	NULL, 'of its own organization');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
