/*
 * What users change of their profiles, the number that they confirm by a code, and what the tables refuse: a number that is a
 * user's and a line's at once, and lists that are too long. Each statement is a transaction of its own: none redeems a code
 * that it asked for itself.
 */
SET client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('Acme') AS acme \gset
SELECT appt.create_application(:'acme', 'Sales', calling_code => '30') AS app, appt.create_application(:'acme', 'Other') AS other \gset
SELECT count(appt.set_provider(id, 'SMS', 'HTTP', 'https://sms.example')) FROM appt.application \g /dev/null
INSERT INTO appt.user_profile (application_id, id, name, email) VALUES (:'app', 'ann', 'Ann', 'ann@example.com'),
	(:'app', 'bob', 'Bob', NULL),
	(:'other', 'ann', NULL, NULL);

CREATE FUNCTION pg_temp.app() RETURNS uuid STABLE LANGUAGE sql AS $$SELECT id FROM appt.application WHERE name = 'Sales'$$;
CREATE FUNCTION pg_temp.shown(who text DEFAULT 'ann') RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(' ', email, backup_phone, custom_phone,
		CASE WHEN custom_phone_verified_at IS NOT NULL THEN 'confirmed' END, locale,
		timezone) FROM appt.user_profile WHERE application_id = pg_temp.app() AND id = who $$;
CREATE FUNCTION pg_temp.refused(statement text, state text, what text, message text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
	SELECT throws_ok(replace(statement, 'APP', quote_literal(pg_temp.app())), state, message, what) $$;
CREATE FUNCTION pg_temp.code(phone text) RETURNS text LANGUAGE sql AS $$SELECT appt_test.latest_code(pg_temp.app(), 'PHONE', phone)$$;
CREATE FUNCTION pg_temp.forget() RETURNS text LANGUAGE sql AS $$
	UPDATE appt.one_time_code SET requested_at = requested_at - interval '11 minutes';
	UPDATE appt.notification SET due_at = due_at - interval '11 minutes' WHERE type = 'CODE';
	SELECT string_agg(appt_test.forget_codes(id), ' ') FROM appt.application$$;

/* ---- update_profile ---- */

SELECT is((p).email || ' ' || (p).name || ' ' || (p).channels::text, 'ann@example.com Ann {EMAIL,IN_APP}', 'it returns the profile')
	FROM appt.update_profile(user_id => 'ann', application_id => :'app') p;
SELECT is(pg_temp.shown(), 'ann@example.com', 'what is left out stays');
SELECT count(appt.update_profile('Ann@Example.org', '0690 000 0001', NULL, 'el', 'Europe/Athens', 'ann', :'app')) \g /dev/null
SELECT is(pg_temp.shown(), 'Ann@Example.org +306900000001 el Europe/Athens',
	'values are taken, a number without a country code with the application''s');
SELECT is((SELECT string_agg(concat_ws(' ', operation, new_values - 'created_at'), ', ') FROM appt.change WHERE id = (SELECT max(id)
	FROM appt.change)), 'UPDATE {"email": "Ann@Example.org", "locale": "el", "timezone": "Europe/Athens", "backup_phone": "+306900000001"}',
		'the change is recorded');
SELECT count(appt.update_profile(locale => '', timezone => '', email => '', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(pg_temp.shown(), '+306900000001', 'an empty text clears');
SELECT is(count(*), 0::bigint, 'a backup number is sent no code') FROM appt.one_time_code;

SELECT pg_temp.refused(format('SELECT appt.update_profile(%s => %L, user_id => ''ann'', application_id => APP)', name, value), '22023',
	format('%s like %L', name, left(value, 20)))
FROM (VALUES ('email', 'ann'), ('email', 'ann@'), ('email', 'a@b.example, c@d.example'), ('email', E'a@b.example\nBcc: c@d.example'),
	('backup_phone', 'call me'), ('backup_phone', '12'), ('custom_phone', '+30'), ('custom_phone', 'ann@example.com'),
		('locale', 'tlh'),
	('timezone', 'Mars/Phobos'), ('email', repeat('a', 10000) || '@example.com')) v (name, value);
SELECT is(pg_temp.shown(), '+306900000001', 'nothing was changed by any of these');
SELECT pg_temp.refused('SELECT appt.update_profile(''a@b.example'', user_id => ''nobody'', application_id => APP)', 'PT404', 'an unknown user',
	'user not found');

/* ---- custom_phone ---- */

SELECT count(appt.update_profile(custom_phone => '+30 690 000 0002', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(pg_temp.shown(), '+306900000001 +306900000002', 'a number is taken, unconfirmed');
SELECT is(concat_ws(' ', type, channel, recipient_kind, recipient_id, address), 'CODE SMS USER ann +306900000002',
	'and is sent a code, of which no other user sees anything') FROM appt.notification;
SELECT pg_temp.code('+306900000002') AS code, lpad(((pg_temp.code('+306900000002')::int + 1) % 1000000)::text, 6, '0') AS wrong \gset
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)',
	:'wrong'), 'PT400', 'a wrong code', 'wrong one-time code');
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''bob'', APP)',
	:'code'), 'PT404', 'the code of a user without a number',
	'no valid one-time code');
SELECT is((appt.confirm_custom_phone(:'code', 'ann', :'app')).custom_phone_verified_at > now() - interval '1 minute',
	true, 'the right one');
SELECT is(pg_temp.shown(), '+306900000001 +306900000002 confirmed', 'confirms it');
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)', :'code'), 'PT404', 'a second time it does nothing',
	'no valid one-time code');
SELECT count(appt.update_profile(custom_phone => '+306900000002', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(count(*), 1::bigint, 'a confirmed number that is given again is sent no code') FROM appt.one_time_code;
SELECT is(pg_temp.shown(), '+306900000001 +306900000002 confirmed', 'and stays confirmed');
SELECT count(appt.update_profile(email => 'ann@example.com', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001 +306900000002 confirmed', 'other changes leave it confirmed');

-- Another number, and a code for the earlier one.
SELECT count(appt.update_profile(custom_phone => '+306900000003', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001 +306900000003', 'another number is unconfirmed');
SELECT pg_temp.code('+306900000003') AS code \gset
SELECT count(appt.update_profile(custom_phone => '+306900000004', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)', :'code'),
	CASE :'code' WHEN pg_temp.code('+306900000004') THEN 'none' ELSE 'PT400' END, 'a code does not confirm another number');
SELECT pg_temp.code('+306900000004') AS first \gset
SELECT count(appt.update_profile(custom_phone => '+306900000004', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(count(*), 2::bigint, 'an unconfirmed number that is given again is sent another code') FROM appt.one_time_code
	WHERE contact = '+306900000004';
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)', :'first'),
	CASE :'first' WHEN pg_temp.code('+306900000004') THEN 'none' ELSE 'PT400' END, 'which takes the place of the first');

-- Guesses and requests are limited.
SELECT pg_temp.code('+306900000004') AS code \gset
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)', lpad(((:'code'::int + i) % 1000000)::text,
	6, '0')),
	'PT400', 'wrong guess ' || i) FROM generate_series(1, 4) i;
SELECT pg_temp.refused(format('SELECT appt.confirm_custom_phone(%L, ''ann'', APP)', :'code'), 'PT404',
	'after five wrong guesses the right one is void', 'no valid one-time code');
SELECT count(appt.update_profile(custom_phone => '+306900000004', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT pg_temp.refused('SELECT appt.update_profile(''new@example.com'', custom_phone => ''+306900000004'', user_id => ''ann'', '
	'application_id => APP)', 'PT429', 'the fourth code within ten minutes');
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001 +306900000004', 'is not sent, and nothing is changed');
SELECT pg_temp.refused('SELECT appt.update_profile(custom_phone => ''+306900000004'', user_id => ''bob'', application_id => APP)', 'PT429',
	'nor to the same number for another user');
SELECT pg_temp.forget() \g /dev/null
SELECT lives_ok(format('SELECT appt.update_profile(custom_phone => ''+306900000004'', user_id => ''bob'', application_id => %L)', :'app'),
	'ten minutes later it is');
DELETE FROM appt.user_profile WHERE application_id = :'app' AND id = 'bob';
INSERT INTO appt.user_profile (application_id, id) VALUES (:'app', 'bob');

-- Whoever changes it, it is unconfirmed; who writes both restores a row.
UPDATE appt.user_profile SET custom_phone_verified_at = now() WHERE id = 'ann' AND application_id = :'app';
UPDATE appt.user_profile SET custom_phone = '+306900000005' WHERE id = 'ann' AND application_id = :'app';
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001 +306900000005', 'a number that is changed by SQL is unconfirmed');
UPDATE appt.user_profile SET custom_phone_verified_at = now() WHERE id = 'ann' AND application_id = :'app';
UPDATE appt.user_profile SET custom_phone = '+306900000005', name = 'Anna' WHERE id = 'ann' AND application_id = :'app';
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001 +306900000005 confirmed', 'the same number stays confirmed');
SELECT count(appt.update_profile(custom_phone => '', user_id => 'ann', application_id => :'app')) \g /dev/null
SELECT is(pg_temp.shown(), 'ann@example.com +306900000001', 'one that is cleared is gone with its confirmation');

/* ---- numbers of lines ---- */

INSERT INTO appt.line (application_id, name) VALUES (:'app', 'Line') RETURNING id AS line \gset
INSERT INTO appt.line (application_id, name) VALUES (:'other', 'Other') RETURNING id AS other_line \gset
INSERT INTO appt.line_number VALUES (:'app', '+302100000001', :'line');
UPDATE appt.user_profile SET custom_phone = '+306900000009' WHERE id = 'ann' AND application_id = :'app';
SELECT pg_temp.refused('SELECT appt.update_profile(custom_phone => ''2100000001'', user_id => ''ann'', application_id => APP)', '22023',
	'a custom_phone that is a number of a line', 'phone number of a line');
SELECT pg_temp.refused('SELECT appt.update_profile(backup_phone => ''+302100000001'', user_id => ''ann'', application_id => APP)', '22023',
	'a backup_phone that is one');
SELECT pg_temp.refused('INSERT INTO appt.user_profile (application_id, id, backup_phone) VALUES (APP, ''new'',
	''+302100000001'')', '22023',
	'a new user with one');
SELECT pg_temp.refused('INSERT INTO appt.user_profile (application_id, id, backup_phone) SELECT APP, ''new'' || i,
	''+30210000000'' || i
	FROM generate_series(0, 9) i', '22023', 'one among many');
SELECT pg_temp.refused('UPDATE appt.user_profile SET custom_phone = ''+302100000001'' WHERE application_id = APP AND id = ''bob''', '22023',
	'one by UPDATE');
SELECT pg_temp.refused(format('INSERT INTO appt.line_number VALUES (APP, %L, %L)', phone, :'line'), '22023', 'a line with a ' || which,
	'phone number of a user') FROM (VALUES ('+306900000009', 'custom_phone'), ('+306900000001', 'backup_phone')) p (phone, which);
SELECT pg_temp.refused('UPDATE appt.line_number SET number = ''+306900000009''', '22023', 'a line that gets one by UPDATE');
SELECT pg_temp.refused(format('WITH user_row AS (INSERT INTO appt.user_profile (application_id, id, custom_phone) VALUES (APP,
	''new'', '
	'''+306900000077'')) INSERT INTO appt.line_number VALUES (APP, ''+306900000077'', %L)',
		:'line'), '22023', 'both in one statement');
SELECT lives_ok(format('INSERT INTO appt.line_number VALUES (%L, ''+306900000009'', %L)', :'other', :'other_line'),
	'a number of another application is no matter');
DELETE FROM appt.line_number WHERE application_id = :'app';
SELECT pg_temp.forget() \g /dev/null
SELECT lives_ok(format('SELECT appt.update_profile(custom_phone => ''+302100000001'', user_id => ''ann'', application_id => %L)', :'app'),
	'nor one that is no line''s any more');
SELECT pg_temp.refused('SELECT appt.check_user_phones()', '39P01', 'the trigger is nothing else');

/* ---- channels ---- */

SELECT throws_ok(format('UPDATE appt.user_profile SET channels = %L WHERE application_id = %L', channels, :'app'), '23514', NULL,
	'channels like ' || channels)
FROM unnest('{"{EMAIL,EMAIL,IN_APP}","{SMS,SMS}","{IN_APP,EMAIL,IN_APP}","{WEBHOOK}","{NULL}"}'::text[]) channels;

/* ---- subscribe_line ---- */

SELECT count(appt.subscribe_line(:'line', user_id => 'ann')) FROM generate_series(1, 2) \g /dev/null
SELECT is(string_agg(user_id, ' '), 'ann', 'a user subscribes, and again') FROM appt.line_subscription;
SELECT count(appt.subscribe_line(:'line', false, 'ann')) FROM generate_series(1, 2) \g /dev/null
SELECT is_empty('SELECT FROM appt.line_subscription', 'and ends it, and again');
SELECT pg_temp.refused(format('SELECT appt.subscribe_line(%L, user_id => ''ann'')', gen_random_uuid()), 'PT404', 'an unknown line',
	'line not found');
SELECT pg_temp.refused(format('SELECT appt.subscribe_line(%L, user_id => ''bob'')', :'other_line'), 'PT404',
	'a user of another application than the line', 'user not found');
SELECT pg_temp.refused(format('SELECT appt.subscribe_line(%L)', :'line'), '22023', 'no user');

/* ---- limits ---- */

INSERT INTO appt.user_profile (application_id, id) SELECT :'app', 'user' || i FROM generate_series(1, 1001) i;
INSERT INTO appt.ring_group (application_id, name) SELECT :'app', 'group' || i FROM generate_series(1, 11) i;
SELECT id AS group FROM appt.ring_group WHERE name = 'group1' \gset
CREATE FUNCTION pg_temp.fills(target text, rows text, most int, message text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO appt.%s SELECT %s FROM generate_series(1, %s) i', target, rows, most);
	RETURN NEXT pass(format('%s: %s rows', target, most));
	RETURN NEXT throws_ok(format('INSERT INTO appt.%s SELECT %s FROM generate_series(%s, %s) i', target, rows, most + 1,
		most + 1), 'PT409',
		message, 'and no more');
END $$;
SELECT pg_temp.fills('ring_group_member', format('%L, %L, ''user'' || i', :'app', :'group'), 1000, 'too many members of a ring group');
SELECT pg_temp.fills('line_subscription', format('%L, %L, ''user'' || i', :'app', :'line'),
	1000, 'too many users subscribed to a line');
SELECT pg_temp.fills('line_number', format('%L, ''+30211'' || 1000000 + i, %L', :'app', :'line'), 1000, 'too many numbers of a line');
SELECT pg_temp.fills('line_ring_group', format('%L, %L, (SELECT id FROM appt.ring_group WHERE name = ''group'' || i)', :'app',
	:'line'), 10,
	'too many ring groups of a line');
SELECT throws_ok(format('SELECT appt.subscribe_line(%L, user_id => ''user1001'')', :'line'), 'PT409', NULL, 'for functions, too');
SELECT lives_ok(format('SELECT appt.subscribe_line(%L, user_id => ''user1000'')',
	:'line'), 'who is in the list already may say so again');
INSERT INTO appt.line_subscription SELECT application_id, id, 'ann' FROM appt.line WHERE id = :'other_line';
SELECT pass('another list has its own length');
SELECT throws_ok(format('INSERT INTO appt.ring_group_member SELECT %L, g.id,
	''user'' || i FROM appt.ring_group g, generate_series(1, 1001) i
	WHERE g.name IN (''group2'', ''group3'')', :'app'), 'PT409', NULL, 'two lists that are too long in one statement');

INSERT INTO appt.application (organization_id, name) SELECT organization_id, 'many' FROM appt.application WHERE id = :'app'
	RETURNING id AS many \gset
SELECT pg_temp.fills('user_profile (application_id, id, is_admin)', format('%L, ''admin'' || i, true', :'many'), 1000,
	'too many admins of an application');
INSERT INTO appt.user_profile (application_id, id) VALUES (:'many', 'zoe');
SELECT throws_ok('UPDATE appt.user_profile SET is_admin = true WHERE id = ''zoe''', 'PT409', NULL, 'nor by promoting a user');
DELETE FROM appt.user_profile WHERE application_id = :'many';

/* ---- user_names ---- */

DELETE FROM appt.user_profile WHERE id LIKE 'user%';
UPDATE appt.user_profile SET enabled = false WHERE application_id = :'app' AND id = 'bob';
INSERT INTO appt.user_profile (application_id, id) VALUES (:'app', 'cleo');
SELECT results_eq(format('SELECT id, name FROM appt.user_names(%L)', :'app'), $$VALUES ('ann', 'Anna'), ('cleo', NULL)$$,
	'enabled users with their names');

/* ---- what the log of changes keeps of a user who is deleted ---- */

DELETE FROM appt.user_profile WHERE application_id = :'app' AND id = 'ann';
SELECT is(count(*), 0::bigint, 'no name') FROM appt.change WHERE table_name = 'user_profile' AND row_key->>'id' = 'ann'
	AND application_id = :'app' AND (concat(old_values, new_values)) ~ 'Ann"|Anna|el"|Athens';
SELECT is((SELECT old_values->>'custom_phone' FROM appt.change WHERE table_name = 'user_profile' AND operation = 'DELETE'
	AND row_key->>'id' = 'ann'), '+302100000001', 'but the numbers, as the log does');
SELECT is(count(*), 0::bigint, 'and never the key of its hints') FROM appt.change WHERE concat(old_values, new_values) ~ 'notify_key';

SELECT * FROM finish();
