-- notify_users: whom an event reaches, what it returns, what it refuses, and repeated calls.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Sales') AS application,
	appt.create_application(:'organization', 'Support') AS support \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels, is_admin, is_billing_admin) VALUES
	(:'application', 'owner', 'Olga', 'olga@example.org', '+15550100', '{EMAIL,SMS,IN_APP}', false, false),
	(:'application', 'follower', NULL, 'fred@example.org', NULL, '{EMAIL,IN_APP}', false, false),
	(:'application', 'fisher', NULL, NULL, NULL, '{IN_APP}', false, false),
	(:'application', 'rung', NULL, NULL, NULL, '{IN_APP}', false, false),
	(:'application', 'busy', NULL, NULL, NULL, '{IN_APP}', false, false),
	(:'application', 'mute', NULL, NULL, NULL, '{}', false, false),
	(:'application', 'admin', NULL, 'ada@example.org', NULL, '{EMAIL,SMS,IN_APP}', true, false),
	(:'application', 'billing', NULL, 'bill@example.org', NULL, '{EMAIL,SMS,IN_APP}', true, true),
	(:'application', 'stranger', NULL, 'sam@example.org', NULL, '{EMAIL,IN_APP}', false, true),
	(:'support', 'foreign', NULL, 'f@example.org', NULL, '{EMAIL,IN_APP}', false, false);
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'application', 'Sales', 'owner') RETURNING id AS line \gset
INSERT INTO appt.line (application_id, name) VALUES (:'support', 'Support') RETURNING id AS foreign_line \gset
INSERT INTO appt.line (application_id, name) VALUES (:'application', 'Nobody''s') RETURNING id AS empty_line \gset
INSERT INTO appt.line_subscription VALUES (:'application', :'line', 'follower'), (:'application', :'line', 'owner');
INSERT INTO appt.ring_group (application_id, name, fisher_mode) VALUES (:'application', 'All', true) RETURNING id AS all_ring \gset
INSERT INTO appt.ring_group (application_id, name) VALUES (:'application', 'One') RETURNING id AS one_rings \gset
INSERT INTO appt.line_ring_group VALUES (:'application', :'line', :'all_ring'), (:'application', :'line', :'one_rings');
INSERT INTO appt.ring_group_member VALUES (:'application', :'all_ring', 'fisher'), (:'application', :'all_ring', 'owner'),
	(:'application', :'one_rings', 'rung'), (:'application', :'one_rings', 'busy'), (:'application', :'one_rings', 'mute');

-- Who is told by which channels, in one line.
CREATE FUNCTION pg_temp.told(application uuid, arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT string_agg(recipient_id || '' '' || channel, '', '' ORDER BY recipient_id, channel)
		FROM appt.notify_users(%L, %s) WHERE recipient_kind = ''USER''', application, arguments) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION pg_temp.refusal(statement text, OUT state text, OUT message text, OUT detail text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
END $$;

/* ---- who ---- */

SELECT format('line_id => %L', :'line') AS at_line, format('user_ids => %L', '{stranger,owner,stranger}') AS named \gset
SELECT is(pg_temp.told(:'application', arguments), expected, arguments) FROM (VALUES
	('''CALL'', ' || :'at_line',
		'busy IN_APP, fisher IN_APP, follower EMAIL, follower IN_APP, owner EMAIL, owner IN_APP, owner SMS, rung IN_APP'),
	('''CALL'', ' || :'at_line' || ', user_ids => ''{rung,stranger}''',
		'fisher IN_APP, follower EMAIL, follower IN_APP, owner EMAIL, owner IN_APP, owner SMS, rung IN_APP'),
	('''VOICEMAIL'', ' || :'at_line',
		'busy IN_APP, fisher IN_APP, follower EMAIL, follower IN_APP, owner EMAIL, owner IN_APP, owner SMS, rung IN_APP'),
	('''TEXT_MESSAGE'', ' || :'at_line',
		'busy IN_APP, fisher IN_APP, follower EMAIL, follower IN_APP, owner EMAIL, owner IN_APP, owner SMS, rung IN_APP'),
	('''FAX'', ' || :'at_line', 'follower EMAIL, follower IN_APP, owner EMAIL, owner IN_APP, owner SMS'),
	('''MENTION'', ' || :'named', 'owner EMAIL, owner IN_APP, owner SMS, stranger EMAIL, stranger IN_APP'),
	('''CONTACT_ASSIGNED'', ' || :'named', 'owner EMAIL, owner IN_APP, owner SMS, stranger EMAIL, stranger IN_APP'),
	('''REMINDER_ASSIGNED'', ' || :'named', 'owner EMAIL, owner IN_APP, owner SMS, stranger EMAIL, stranger IN_APP'),
	('''BILLING_WARNING''', 'billing EMAIL'),
	('''INTEGRATION_FAILED''', 'admin EMAIL, billing EMAIL'),
	('''USERS_SYNC''', NULL)) event (arguments, expected);

/* ---- what is stored and returned ---- */

INSERT INTO appt.subscription (application_id, url, types) VALUES (:'application', 'https://hooks.example/?secret=1', '{VOICEMAIL}'),
	(:'application', 'https://hooks.example/', '{FAX}'), (:'application', 'https://hooks.example/', NULL);
DELETE FROM appt.line_subscription WHERE user_id = 'follower';
SELECT count(*) AS events FROM appt.user_event \gset
CREATE TEMP TABLE told AS SELECT * FROM appt.notify_users(:'application', 'VOICEMAIL', line_id => :'line', title => 'A voicemail',
	contact => '{"name": "Bobby", "phone": "+15550101", "email": null}', payload => '{"seconds": 12}');
SELECT is(count(*), 1::bigint, 'the event is stored once, whoever is told')
	FROM appt.user_event e WHERE e.application_id = :'application' AND e.type = 'VOICEMAIL' AND e.line_id = :'line'
		AND e.contact ->> 'name' = 'Bobby' AND e.title = 'A voicemail' AND e.payload = '{"seconds": 12}';
SELECT is(count(*), :events::bigint + 1, 'and nothing else') FROM appt.user_event;
SELECT results_eq($$SELECT DISTINCT type, state, due_at, appointment_id, subscription_id IS NOT NULL, context FROM told
		ORDER BY subscription_id IS NOT NULL$$,
	$$VALUES ('VOICEMAIL', 'PENDING', now(), NULL::uuid, false, NULL::jsonb), ('VOICEMAIL', 'PENDING', now(), NULL::uuid, true, NULL)$$,
	'what is returned is due now and has no values of its own');
SELECT is(count(*), 1::bigint, 'a subscription that names the type gets one webhook') FROM told WHERE channel = 'WEBHOOK';
SELECT is((SELECT array_agg(id ORDER BY id) FROM told),
	(SELECT array_agg(n.id ORDER BY n.id) FROM appt.notification n JOIN appt.user_event e ON n.user_event_id = e.id
		WHERE e.payload = '{"seconds": 12}'), 'returned is what refers to the event');
SELECT is(count(*), 0::bigint, 'all of it is in the queue')
	FROM told t LEFT JOIN appt.due d ON d.notification_id = t.id WHERE d IS NULL;
SELECT is((SELECT count(*) FROM appt.notify_users(:'application', 'CALL', line_id => :'empty_line')), 0::bigint,
	'nothing is returned if nobody is tied to the line');
SELECT appt.notify_users(:'application', 'FAX', line_id => :'line', title => '', payload => '{"empty": "title"}') \g /dev/null
SELECT is(title, NULL, 'an empty title is none') FROM appt.user_event WHERE payload ? 'empty';

/* ---- what is refused ---- */

CREATE TEMP TABLE stored AS SELECT (SELECT count(*) FROM appt.user_event) AS events, (SELECT count(*) FROM appt.notification) AS planned;
SELECT is(ROW(r.state, r.message, r.detail)::text, ROW(e.state, e.message, e.detail)::text, e.arguments) FROM (VALUES
	('''CALLS'', ' || :'at_line', '22023', 'unknown notification type', '"CALLS" is not a notification type.'),
	('NULL', '22023', 'a required argument is missing', 'These are null or were left out: "type".'),
	('''CALL''', '22023', 'a required argument is missing', 'These are null or were left out: "line_id".'),
	('''FAX''', '22023', 'a required argument is missing', 'These are null or were left out: "line_id".'),
	('''MENTION''', '22023', 'a required argument is missing', 'These are null or were left out: "user_ids".'),
	('''MENTION'', ''{}''', '22023', 'wrong number of users', '"user_ids" has 0 elements; it must have from 1 to 1000.'),
	('''CALL'', ''{}'', ' || :'at_line', '22023', 'wrong number of users', '"user_ids" has 0 elements; it must have from 1 to 1000.'),
	('''MENTION'', array_fill(''owner''::text, ARRAY[1001])', '22023', 'wrong number of users',
		'"user_ids" has 1001 elements; it must have from 1 to 1000.'),
	('''MENTION'', ''{owner,NULL}''', '22023', 'a user id is missing', 'An element of "user_ids" is null or empty.'),
	('''MENTION'', ''{owner,""}''', '22023', 'a user id is missing', 'An element of "user_ids" is null or empty.'),
	('''MENTION'', ARRAY[repeat(''x'', 1025)]', '22023', 'a user id is too long',
		'An element of "user_ids" has 1025 bytes, more than 1024.'),
	('''VOICEMAIL'', ''{owner}'', ' || :'at_line', '22023', 'the type takes no user_ids',
		'The users who get VOICEMAIL are not chosen by the caller.'),
	('''BILLING_WARNING'', ''{billing}''', '22023', 'the type takes no user_ids',
		'The users who get BILLING_WARNING are not chosen by the caller.'),
	('''MENTION'', ''{owner,ghost}''', 'PT404', 'user not found', 'There is no user "ghost", or it is not yours.'),
	('''MENTION'', ''{foreign}''', 'PT404', 'user not found', 'There is no user "foreign", or it is not yours.'),
	('''CALL'', ''{ghost}'', ' || :'at_line', 'PT404', 'user not found', 'There is no user "ghost", or it is not yours.'),
	(format('''CALL'', line_id => %L', :'foreign_line'), 'PT404', 'line not found',
		format('There is no line "%s", or it is not yours.', :'foreign_line')),
	(format('''USERS_SYNC'', line_id => %L', :'foreign_line'), 'PT404', 'line not found',
		format('There is no line "%s", or it is not yours.', :'foreign_line')),
	('''FAX'', contact => ''[]'', ' || :'at_line', '22023', 'not a JSON object', '"contact" is not a JSON object.'),
	('''FAX'', contact => ''{"fax": "1"}'', ' || :'at_line', '22023', 'unknown member of a JSON object', '"contact" has a member "fax".'),
	('''FAX'', contact => ''{"phone": 1}'', ' || :'at_line', '22023', 'not a JSON string', '"contact.phone" is not a JSON string.'),
	('''FAX'', contact => ''{"id": {}}'', ' || :'at_line', '22023', 'not a JSON string', '"contact.id" is not a JSON string.'),
	('''FAX'', contact => jsonb_build_object(''name'', repeat(''x'', 9000)), ' || :'at_line', '22023', 'a value is too long',
		'"contact" has 9016 bytes, more than 8192.'),
	('''FAX'', title => repeat(''x'', 9000), ' || :'at_line', '22023', 'an argument is too long', '"title" has more than 8192 bytes.'),
	('''FAX'', payload => ''[1]'', ' || :'at_line', '22023', 'not a JSON object', '"payload" is not a JSON object.'),
	('''FAX'', payload => jsonb_build_object(''a'', repeat(''x'', 262144)), ' || :'at_line', '22023', 'an argument is too long',
		'"payload" has 262157 bytes, more than 262144.'),
	('''FAX'', payload => ''{"a": [1e131071, 1e131071, 1]}'', ' || :'at_line', '22023', 'an argument is too long',
		'The numbers in "payload" have more than 262144 bytes as text.'),
	('''FAX'', idempotency_key => repeat(''x'', 256), ' || :'at_line', '22023', 'idempotency key too long',
		'The key has 256 characters, more than 255.')) e (arguments, state, message, detail),
	pg_temp.refusal(format('SELECT * FROM appt.notify_users(%L, %s)', :'application', e.arguments)) r;
SELECT is(ROW(r.state, r.message)::text, '(22023,"notify_users does not plan this type")', t.type || ' is not for callers')
FROM appt.notification_type t, pg_temp.refusal(format('SELECT * FROM appt.notify_users(%L, %L, %L)', :'application', t.type, '{owner}')) r
WHERE t.type NOT IN ('CALL', 'TEXT_MESSAGE', 'VOICEMAIL', 'FAX', 'MENTION', 'CONTACT_ASSIGNED', 'REMINDER_ASSIGNED', 'BILLING_WARNING',
	'USERS_SYNC', 'CONTACTS_SYNC', 'CONTACT_DISPOSITIONS_SYNC', 'CALL_DISPOSITIONS_SYNC', 'INTEGRATION_FAILED', 'IMPORT_EXPORT');
SELECT alike(r.hint, '%CALL, TEXT_MESSAGE, VOICEMAIL, FAX, MENTION, %IMPORT_EXPORT%', 'the hint has the types that are')
	FROM pg_temp.refusal(format('SELECT * FROM appt.notify_users(%L, ''HIGH_SMS'')', :'application')) r;
SELECT is(r.state, 'PT404', 'an unknown application') FROM pg_temp.refusal(
	format('SELECT * FROM appt.notify_users(%L, ''USERS_SYNC'')', gen_random_uuid())) r;
SELECT is((SELECT count(*) FROM appt.user_event), events, 'nothing is stored of what is refused') FROM stored;
SELECT is((SELECT count(*) FROM appt.notification), planned, 'nor planned') FROM stored;
SELECT is(count(*), 0::bigint, 'nor is a key used up') FROM appt.idempotency_key;

/* ---- repeated calls ---- */

CREATE TEMP TABLE first AS SELECT * FROM appt.notify_users(:'application', 'CALL', '{rung}', :'line', payload => '{"a": 1}',
	idempotency_key => 'key');
SELECT cmp_ok(count(*), '>', 3::bigint, 'a call with a key') FROM first;
SELECT results_eq(format('SELECT * FROM appt.notify_users(%L, ''CALL'', ''{rung}'', %L, payload => ''{ "a":1 }'',
	idempotency_key => ''key'')', :'application', :'line'), 'SELECT * FROM first', 'returns the same rows when it is repeated');
SELECT is((SELECT count(*) FROM appt.user_event), events + 1, 'one event is stored') FROM stored;
UPDATE appt.notification SET state = 'SENDING', attempt_count = 1, next_attempt_at = NULL WHERE id = (SELECT min(id) FROM first);
DELETE FROM appt.ring_group WHERE application_id = :'application';
SELECT results_eq(format('SELECT id, state, attempt_count FROM appt.notify_users(%L, ''CALL'', ''{rung}'', %L, payload => ''{"a":1}'',
	idempotency_key => ''key'')', :'application', :'line'),
	'SELECT id, CASE WHEN id = min(id) OVER () THEN ''SENDING'' ELSE ''PENDING'' END, CASE WHEN id = min(id) OVER () THEN 1 ELSE 0 END
		FROM first',
	'as they are now, whatever has changed since');
SELECT is(ROW(r.state, r.message, r.detail)::text, '(PT409,"the idempotency key belongs to another call","A call of ""notify_users"" '
	'with other arguments was carried out under ""key"".")', 'other arguments')
	FROM pg_temp.refusal(format('SELECT * FROM appt.notify_users(%L, ''CALL'', ''{rung}'', %L, payload => ''{"a": 2}'',
		idempotency_key => ''key'')', :'application', :'line')) r;
SELECT is(count(*), 0::bigint, 'a call that plans nothing')
	FROM appt.notify_users(:'application', 'USERS_SYNC', idempotency_key => 'none');
INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES (:'application', 'admin', 'USERS_SYNC', true);
SELECT is(count(*), 0::bigint, 'plans nothing when it is repeated')
	FROM appt.notify_users(:'application', 'USERS_SYNC', idempotency_key => 'none');
SELECT is(count(*), 1::bigint, 'though another would') FROM appt.notify_users(:'application', 'USERS_SYNC', idempotency_key => 'another');
DELETE FROM appt.user_event e USING appt.idempotency_key k WHERE e.id = k.user_event_id AND k.key = 'none';
SELECT is(count(*), 0::bigint, 'the key goes with the event') FROM appt.idempotency_key WHERE key = 'none';

/* ---- who may ---- */

CREATE ROLE telling_login NOINHERIT LOGIN IN ROLE appt_authenticator;
CREATE TEMP TABLE answer (role text, application text, state text);
GRANT ALL ON answer TO PUBLIC;
CREATE FUNCTION pg_temp.answer(role text, claimed uuid, application uuid) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('request.jwt.claims', jsonb_build_object('sub', 'x', 'application_id', claimed)::text, true);
	EXECUTE format('SET LOCAL ROLE %I', role);
	PERFORM appt.notify_users(application, 'USERS_SYNC');
	PERFORM set_config('role', 'none', true);
	RETURN '00000';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SET LOCAL SESSION AUTHORIZATION telling_login;
INSERT INTO answer SELECT role, 'own', pg_temp.answer(role, :'application', :'application')
	FROM unnest('{appt_client_service,appt_agent,appt_supervisor,appt_customer,appt_admin,appt_anonymous}'::text[]) role;
INSERT INTO answer SELECT 'appt_client_service', 'other', pg_temp.answer('appt_client_service', :'support', :'application');
INSERT INTO answer SELECT 'appt_client_service', 'none', pg_temp.answer('appt_client_service', NULL, :'application');
RESET SESSION AUTHORIZATION;
SELECT is(state, CASE WHEN application = 'other' THEN 'PT404'
	WHEN role = 'appt_client_service' AND application = 'own' THEN '00000' ELSE '42501' END,
	format('%s, %s application', role, application)) FROM answer;

SELECT * FROM finish();
ROLLBACK;
