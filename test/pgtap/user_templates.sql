-- What users are told, in which words: the built-in templates of every type and channel, templates of tenants, names and
-- their values, messages of applications' own, and the JSON for subscribers.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

-- Every type for users has built-in words over each of its channels; reports have theirs from their own test.
CREATE TEMP TABLE builtin AS
SELECT type, channel, part, appt_test.builtin_template(type, channel, part) AS template
  FROM appt.notification_type, unnest(channels) channel, unnest('{subject,text_body,html_body}'::text[]) part
 WHERE audience = 'USERS' AND type !~ '^DAILY|^WEBHOOK';
SELECT set_eq('SELECT type, channel, part FROM builtin WHERE template IS NOT NULL',
	$$SELECT type, channel, part FROM (SELECT DISTINCT type, channel FROM builtin) t,
		(VALUES ('EMAIL', 'subject'), ('EMAIL', 'text_body'), ('EMAIL', 'html_body'), ('SMS', 'text_body'),
			('IN_APP', 'subject'), ('IN_APP', 'text_body')) parts (of_channel, part) WHERE channel = of_channel$$,
	'an email has three parts, an SMS one, a message in the inbox a title and a text');
SELECT is(count(*), (12 * 6 + 7 * 3)::bigint, '12 types over three channels, 7 by email alone') FROM builtin WHERE template IS NOT NULL;
SELECT is_empty($$SELECT 1 FROM builtin WHERE NOT appt.template_is_valid(template)$$, 'every one could be saved');
SELECT isnt(appt_test.builtin_template('TEST', 'IN_APP', 'text_body'), NULL, 'a test message can go to an inbox');

\set everything '{"firstName":"Ann","fullName":"Ann","contact":{"name":"Bob & <Co>","phone":"+306900000000","email":"bob@example.com","id":"7"},"line":"Sales","payload":{"text":"Hi & <bye>","url":"https://a.example/?a=1&b=2","by":"Tom","integration":"CRM","result":"3 rows","duration":"0:42","pages":3,"due":"Friday"},"title":null,"customerName":"Bob","location":"Online","duration":"45 minutes","time":"3:30 PM","date":"March 29, 2026","shortDate":"Sun, Mar 29","fullDate":"Sunday, March 29, 2026","zone":"CEST","zoneName":"Central European Summer Time","applicationName":"Acme","icalUrl":"https://v.example/c.ics?x=1&y=2"}'
\set least '{"date":"March 29, 2026","shortDate":"Sun, Mar 29","fullDate":"Sunday, March 29, 2026","time":"3:30 PM"}'
CREATE TEMP TABLE rendered AS
SELECT type, channel, part, appt.render_template(template, :'everything', part = 'html_body') AS everything,
       appt.render_template(template, :'least', part = 'html_body') AS least,
       appt.render_template(template, '{"title": "My own <words>", "date": "d", "shortDate": "d", "fullDate": "d", "time": "t"}', part = 'html_body') AS titled
  FROM builtin WHERE template IS NOT NULL;
SELECT is_empty(format('SELECT type, channel, part, version FROM rendered, unnest(ARRAY[least, everything, titled]) version
	WHERE part <> ''html_body'' AND version ~ %L', hole), 'no ' || what)
  FROM (VALUES ('  ', 'two spaces'), (' [,.]', 'space before a comma'), (', *,|, *\.', 'empty place between commas'),
	('""', 'empty quotes'), ('\n\n\n', 'two empty lines'), ('^\s|^$', 'empty start'), ('{{|}}', 'tag')) cases (hole, what);
SELECT is_empty($$SELECT type, version FROM rendered, unnest(ARRAY[least, everything, titled]) version
	WHERE part = 'html_body' AND version ~ 'href=""|<td[^>]*></td>|<h1[^>]*></h1>|<tr>\s*</tr>|{{|}}'$$,
	'no empty link, cell or heading');
SELECT is_empty($$SELECT type, everything FROM rendered WHERE part = 'html_body' AND everything ~ '<Co>|<bye>|a=1&b'$$,
	'values are escaped in HTML');
SELECT is_empty($$SELECT type, everything FROM rendered WHERE part = 'text_body' AND everything ~ '&(amp|lt|gt);'$$,
	'and nowhere else');
SELECT is_empty($$SELECT type, channel, everything FROM rendered WHERE (part = 'subject' OR channel = 'SMS') AND everything ~ '[\r\n]'$$,
	'subjects, titles and text messages are one line');
SELECT is_empty($$SELECT type, length(everything) FROM rendered WHERE channel = 'SMS' AND length(everything) > 160$$,
	'a text message with everything fits into one');
SELECT is_empty($$SELECT type, channel, everything FROM rendered WHERE part = 'text_body' AND channel <> 'SMS' AND type !~ '^APPOINTMENT|^RESPONSE'
	AND everything NOT LIKE '%Hi & <bye>%'$$, 'what was written is in mails and the inbox');
SELECT is_empty($$SELECT type, everything FROM rendered WHERE part = 'text_body' AND channel = 'EMAIL' AND type !~ '^APPOINTMENT|^RESPONSE'
	AND everything NOT LIKE '%See it here:' || E'\n' || 'https://a.example/?a=1&b=2%'$$, 'with a link to it');
SELECT is_empty($$SELECT type, channel, part, titled FROM rendered WHERE part = 'subject' AND type !~ '^APPOINTMENT|^RESPONSE'
	AND titled <> 'My own <words>'$$, 'an event''s own title is the subject, and the title in the inbox');

-- The real thing.
SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme', public_url => 'https://api.example', timezone => 'Europe/Berlin',
	locale => 'de') AS app \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one',
	types => '{VOICEMAIL,FAX,APPOINTMENT_ASSIGNED,BILLING_WARNING,MESSAGE}')).id AS hook \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels, locale, timezone, is_admin, is_billing_admin)
VALUES (:'app', 'ann', 'Ann Miller', 'ann@example.org', '+491700000001', '{EMAIL,SMS,IN_APP}', 'en-GB', 'Europe/Athens', true, true),
	(:'app', 'eve', NULL, 'eve@example.org', NULL, '{EMAIL,IN_APP}', NULL, NULL, false, false);
INSERT INTO appt.user_preference (application_id, user_id, type, enabled)
SELECT :'app', 'ann', type, true FROM appt.notification_type WHERE audience = 'USERS';
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'Sales', 'ann') RETURNING id AS line \gset
\set bob '{"name": "Bob", "phone": "+491700000009", "email": "bob@example.com", "id": "7"}'

CREATE TEMP TABLE told (type text, event bigint);
INSERT INTO told SELECT type, appt_test.plan_user_event(:'app', type, user_ids => '{ann}',
	line_id => CASE WHEN type IN ('CALL', 'TEXT_MESSAGE', 'VOICEMAIL', 'FAX', 'HIGH_SMS') THEN :'line'::uuid END,
	contact => CASE WHEN type !~ '_SYNC|BILLING|INTEG|IMPORT' THEN :'bob'::jsonb END,
	payload => CASE WHEN type ~ '_SYNC|INTEG' THEN '{"integration": "CRM"}'::jsonb
		WHEN type ~ '^(MENTION|CONTACT_A|REMINDER_A)' THEN '{"by": "Tom"}' END)
  FROM appt.notification_type WHERE audience = 'USERS' AND type !~ '^DAILY|^WEBHOOK|^APPOINTMENT|^RESPONSE';
SELECT (appt.schedule_appointment(:'app', '2030-07-01 14:00+02', '1 hour 30 minutes', organizer_id => 'ann', title => 'Loan',
	location => 'Online', timezone => 'America/New_York', customer => '{"name": {"firstName": "Bob", "lastName": "Brown"}}')).id AS a \gset
SELECT appt.add_customer(:'a', '{"name": {"firstName": "Cleo"}}') \gset
SELECT appt.add_customer(:'a', '{"contact": {"primaryEmail": "nameless@example.com"}}') \gset

CREATE FUNCTION pg_temp.words(of_type text, over text) RETURNS text[] LANGUAGE sql AS $$
SELECT (appt_test.composed(n.id))[3:4] FROM appt.notification n
 WHERE n.type = of_type AND n.channel = over AND n.recipient_kind = 'USER' ORDER BY n.id DESC LIMIT 1$$;
-- What each says first: in a mail after the greeting.
SELECT is(ARRAY[(pg_temp.words(type, 'EMAIL'))[1], split_part((pg_temp.words(type, 'EMAIL'))[2], E'\n', 3),
		(pg_temp.words(type, 'SMS'))[2], (pg_temp.words(type, 'IN_APP'))[1], (pg_temp.words(type, 'IN_APP'))[2]],
	ARRAY[subject, news, 'Acme: ' || coalesce(short, news), coalesce(title, subject), coalesce(short, news)],
	type || ' by email, by SMS and in the inbox')
  FROM (VALUES
	('CALL', 'Call from Bob', 'There is a call from Bob on the line "Sales".'),
	('TEXT_MESSAGE', 'Text message from Bob', 'Bob sent a text message to the line "Sales".'),
	('VOICEMAIL', 'Voicemail from Bob', 'Bob left a voicemail on the line "Sales".'),
	('FAX', 'Fax from Bob', 'Bob sent a fax to the line "Sales".'),
	('HIGH_SMS', 'Many text messages from Bob', 'Bob sent more than 15 text messages within 30 seconds to the line "Sales".'),
	('MENTION', 'You were mentioned by Tom', 'Tom mentioned you.'),
	('CONTACT_ASSIGNED', 'Contact assigned to you: Bob', 'Tom assigned the contact Bob to you.'),
	('REMINDER_ASSIGNED', 'Reminder assigned to you', 'Tom assigned a reminder to you.')) t (type, subject, news),
	LATERAL (SELECT NULL, NULL) n (short, title);
SELECT is(ARRAY[(pg_temp.words(type, 'EMAIL'))[1], split_part((pg_temp.words(type, 'EMAIL'))[2], E'\n', 3),
		(pg_temp.words(type, 'SMS'))[2], (pg_temp.words(type, 'IN_APP'))[1], (pg_temp.words(type, 'IN_APP'))[2]],
	ARRAY[subject || ': Loan, Mon, 1 Jul 2030, 15:00', news, 'Acme: ' || short || ' "Loan" with Bob Brown, Cleo, 1 July 2030, 15:00 EEST.',
		title, short || ' "Loan" with Bob Brown, Cleo, 1 July 2030, 15:00 EEST.'],
	type || ' by email, by SMS and in the inbox, in the user''s English and timezone')
  FROM (VALUES
	('APPOINTMENT_CREATED', 'New appointment', 'This appointment was scheduled for you.', 'You have a new appointment:',
		'You have a new appointment'),
	('APPOINTMENT_ASSIGNED', 'Assigned to you', 'This appointment was assigned to you.', 'An appointment was assigned to you:',
		'An appointment was assigned to you'),
	('APPOINTMENT_REMINDER', 'Reminder', 'This is a reminder of your appointment.', 'Reminder of your appointment',
		'Your appointment is coming up')) t (type, subject, news, short, title);
SELECT is(ARRAY[(pg_temp.words(type, 'EMAIL'))[1], split_part((pg_temp.words(type, 'EMAIL'))[2], E'\n', 3)], ARRAY[subject, news], type)
  FROM (VALUES
	('BILLING_WARNING', 'Billing warning', 'There is a warning about the billing of your account.'),
	('USERS_SYNC', 'Users synchronized with CRM', 'Users were synchronized with CRM.'),
	('CONTACTS_SYNC', 'Contacts synchronized with CRM', 'Contacts were synchronized with CRM.'),
	('CONTACT_DISPOSITIONS_SYNC', 'Contact dispositions synchronized with CRM', 'Contact dispositions were synchronized with CRM.'),
	('CALL_DISPOSITIONS_SYNC', 'Call dispositions synchronized with CRM', 'Call dispositions were synchronized with CRM.'),
	('INTEGRATION_FAILED', 'CRM: the connection failed', 'The connection to CRM failed.'),
	('IMPORT_EXPORT', 'Import or export has ended', 'An import or export that was started in your account has ended.'))
	t (type, subject, news);
SELECT set_eq($$SELECT DISTINCT type FROM appt.notification WHERE recipient_kind = 'USER'$$,
	$$SELECT DISTINCT type FROM builtin WHERE type <> 'RESPONSE'$$, 'each type was told');

-- A sequence changed the owner.
SELECT appt_test.plan_user_event(:'app', 'CONTACT_ASSIGNED', user_ids => '{ann}', contact => :'bob',
	payload => '{"by_sequence": true, "by": "Tom"}') \gset
SELECT is((pg_temp.words('CONTACT_ASSIGNED', 'IN_APP'))[2], 'A sequence assigned the contact Bob to you.',
	'a sequence did it, not a person');
-- Nobody known.
SELECT appt_test.plan_user_event(:'app', 'FAX', line_id => :'line') \gset
SELECT is(pg_temp.words('FAX', 'IN_APP'), ARRAY['Fax from an unknown contact', 'An unknown contact sent a fax to the line "Sales".'],
	'without a contact');
SELECT appt_test.plan_user_event(:'app', 'FAX', line_id => :'line', contact => '{"phone": "+491700000009"}', title => 'Fax 17 <new>',
	payload => '{"pages": 3}') \gset
SELECT is((pg_temp.words('FAX', 'EMAIL'))[1], 'Fax 17 <new>', 'with a title of its own');
SELECT is((pg_temp.words('FAX', 'SMS'))[2], 'Acme: +491700000009 sent a fax to the line "Sales".', 'who has no name has a number');
SELECT ok(c[5] LIKE '%<h1%>Fax 17 &lt;new&gt;</h1>%>Pages</th>%<bdi>3</bdi></td>%', 'HTML')
  FROM (SELECT appt_test.composed(max(id)) c FROM appt.notification WHERE type = 'FAX' AND channel = 'EMAIL') x;

-- To whom it goes, and in which language and timezone.
SELECT is(ARRAY[c[1], c[2]], ARRAY['ann@example.org', 'Ann Miller'], 'the mail goes to the user by name')
  FROM (SELECT appt_test.composed(max(id)) c FROM appt.notification WHERE type = 'FAX' AND channel = 'EMAIL') x;
CREATE FUNCTION pg_temp.template(type text, channel text, locale text, subject text, text_body text, html_body text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	SELECT id, $1, $2, $3, $4, $5, $6 FROM appt.application WHERE name = 'Acme'$$;
SELECT pg_temp.template('MENTION', 'IN_APP', 'de', 'Erwähnt', 'Sie wurden am {{date}} um {{time24}} erwähnt, {{username}}.{{duration}}');
SELECT pg_temp.template('MENTION', 'IN_APP', 'en', 'Mentioned: {{payload.by}}',
	'{{fullName}}|{{firstName}}|{{username}}|{{contact.name}}|{{contact.phone}}|{{contact.email}}|{{contact.id}}|{{line}}|{{title}}|'
	'{{payload.by}}|{{payload.list.0}}|{{#payload.items}}{{name}}={{.}};{{/payload.items}}|{{#payload}}{{by}}{{/payload}}|'
	'{{#contact}}yes{{/contact}}|{{applicationName}}|{{HH:mm}}|{{metadata.x}}');
SELECT appt_test.plan_user_event(:'app', 'MENTION', user_ids => '{ann,eve}', line_id => :'line', contact => :'bob', title => 'T',
	payload => '{"by": "Tom <t>", "items": [1, 2], "list": ["a"]}') AS mention \gset
UPDATE appt.user_event SET created_at = '2030-01-01 12:00+00' WHERE id = :mention;
CREATE FUNCTION pg_temp.to_user(event bigint, wanted text, over text) RETURNS text[] LANGUAGE sql AS $$
	SELECT (appt_test.composed(id))[3:4] FROM appt.notification
	WHERE user_event_id = $1 AND recipient_id = $2 AND channel = $3$$;
SELECT is(pg_temp.to_user(:mention, 'ann', 'IN_APP'), ARRAY['Mentioned: Tom <t>',
	'Ann Miller|Ann Miller|ann|Bob|+491700000009|bob@example.com|7|Sales|T|Tom <t>||=1;=2;|Tom <t>|yes|Acme|14:00|'],
	'a template of the tenant, in the user''s language, with every name, at the time of the event in the user''s timezone');
SELECT is(pg_temp.to_user(:mention, 'eve', 'IN_APP'), ARRAY['Erwähnt', 'Sie wurden am 1. Januar 2030 um 13:00 erwähnt, eve.'],
	'a user without a locale and timezone: the application''s');
UPDATE appt.user_profile SET locale = 'en' WHERE application_id = :'app' AND id = 'eve';
SELECT is((pg_temp.to_user(:mention, 'eve', 'IN_APP'))[1], 'Mentioned: Tom <t>', 'what the profile says when it is due holds');
SELECT is((SELECT (appt_test.composed(id))[5] FROM appt.notification WHERE user_event_id = :mention AND recipient_id = 'eve'
	AND channel = 'IN_APP'), NULL, 'the inbox has no HTML');
DELETE FROM appt.line WHERE id = :'line';
SELECT ok((pg_temp.to_user(:mention, 'ann', 'IN_APP'))[2] LIKE '%|7||T|%', 'a line that is deleted has no name');
UPDATE appt.user_profile SET timezone = NULL WHERE application_id = :'app' AND id = 'ann';
SELECT is((pg_temp.words('APPOINTMENT_CREATED', 'IN_APP'))[2],
	'You have a new appointment: "Loan" with Bob Brown, Cleo, 1 July 2030, 08:00 GMT-4.', 'a user without a timezone: the appointment''s');
SELECT pg_temp.template('APPOINTMENT_CREATED', 'IN_APP', 'en', '{{title}}',
	'{{customerName}}|{{location}}|{{duration}}|{{organizer}}|{{icalUrl}}');
SELECT is((pg_temp.words('APPOINTMENT_CREATED', 'IN_APP'))[2],
	'Bob Brown, Cleo|Online|1 hour 30 minutes|ann|https://api.example/rpc/ical_event?id=' || :'a', 'the names of appointments');
SELECT appt.add_customer(:'a', jsonb_build_object('name', jsonb_build_object('firstName', 'N' || n)))
  FROM generate_series(1, 6) n \g /dev/null
SELECT is((pg_temp.words('APPOINTMENT_CREATED', 'IN_APP'))[2] ~ '^Bob Brown, Cleo, N1, N2\|', true, 'the names of five customers at most');

-- Names when a template is saved.
SELECT lives_ok(format('SELECT pg_temp.template(%L, %L, %L, NULL, %L)', 'FAX', 'SMS', locale, body), body)
  FROM (VALUES ('fr', '{{payload.a.b.c}}'), ('es', '{{#payload}}{{any}}{{/payload}}'), ('it', '{{#contact}}{{contact.name}}{{/contact}}'),
	('pt', '{{line}} {{customerName}}')) t (locale, body);
SELECT throws_ok(format('SELECT pg_temp.template(%L, %L, %L, NULL, %L)', 'FAX', 'SMS', 'nl', body), '22023', NULL, 'not ' || body)
  FROM unnest(ARRAY['{{payload}}', '{{contact}}', '{{contact.fax}}', '{{payload.}}', '{{payloads.x}}', '{{line.name}}',
	'{{#line.x}}{{/line.x}}', '{{#contact}}{{name}}{{/contact}}']) body;

-- Messages of the application's own.
\set data '{"name": "<Ann>", "n": 2}'
SELECT id AS message FROM appt.send_message(:'app', 'EMAIL', 'x@example.org', '{{name}}, {{#n}}{{n}} new{{/n}}', 'For {{name}}',
	'<p>{{name}}</p>', data => :'data') \gset
SELECT is(appt_test.composed(:message), ARRAY['x@example.org', NULL, 'For <Ann>', '<Ann>, 2 new', '<p>&lt;Ann&gt;</p>'],
	'MESSAGE by email: templates over its data, escaped in HTML');
SELECT id AS message FROM appt.send_message(:'app', 'SMS', '+491700000002', '{{name}}, {{#n}}{{n}} new{{/n}}', data => :'data') \gset
SELECT is(appt_test.composed(:message), ARRAY['+491700000002', NULL, NULL, '<Ann>, 2 new', NULL], 'by SMS');
SELECT id AS message FROM appt.send_message(:'app', 'IN_APP', 'ann', '{{name}}, {{#n}}{{n}} new{{/n}}', 'For {{name}}',
	data => :'data') \gset
SELECT is(appt_test.composed(:message), ARRAY['ann', 'Ann Miller', 'For <Ann>', '<Ann>, 2 new', NULL], 'in the inbox');
UPDATE appt.notification SET context = '{"text_body": "{{#a}}"}' WHERE id = :message;
SELECT is((appt_test.composed(:message))[1], 'TEMPLATE_ERROR', 'a template that does not parse fails its own message');

-- What subscribers are told.
CREATE FUNCTION pg_temp.payload(of_type text, OUT kind text, OUT payload jsonb) LANGUAGE sql AS $$
SELECT body->>'type', (body->>'payload')::jsonb - 'createdAt' FROM (
	SELECT (appt_test.composed(id))[4]::jsonb AS body FROM appt.notification
	 WHERE type = of_type AND channel = 'WEBHOOK' ORDER BY id LIMIT 1) x$$;
SELECT is(ARRAY[kind, payload::text], ARRAY['VOICEMAIL',
	jsonb_build_object('type', 'VOICEMAIL', 'contact', :'bob'::jsonb, 'line', jsonb_build_object('id', :'line'))::text],
	'an event: type, contact, line; a line that is deleted by its id') FROM pg_temp.payload('VOICEMAIL');
SELECT is(payload, '{"type": "BILLING_WARNING"}', 'what there is not is left out') FROM pg_temp.payload('BILLING_WARNING');
SELECT is((SELECT (appt_test.composed(id))[4]::jsonb->>'payload' FROM appt.notification WHERE type = 'FAX' AND channel = 'WEBHOOK'
	ORDER BY id DESC LIMIT 1)::jsonb, (SELECT jsonb_build_object('type', 'FAX', 'title', 'Fax 17 <new>', 'payload', '{"pages": 3}'::jsonb,
	'contact', '{"phone": "+491700000009"}'::jsonb, 'line', jsonb_build_object('id', :'line'),
	'createdAt', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || rtrim(to_char(created_at, '.US'), '0.') || 'Z')
	FROM appt.user_event WHERE type = 'FAX' ORDER BY id DESC LIMIT 1), 'with title, payload and time');
SELECT is(ARRAY[kind, payload->>'id', payload->>'title'], ARRAY['APPOINTMENT_ASSIGNED', :'a', 'Loan'],
	'of an appointment its own payload, under the type for users') FROM pg_temp.payload('APPOINTMENT_ASSIGNED');
SELECT id AS message FROM appt.send_message(:'app', 'WEBHOOK', :'hook', data => '{"any": ["thing"]}') \gset
SELECT is(ARRAY[kind, payload::text], ARRAY['MESSAGE', '{"any": ["thing"]}'], 'of a message its data') FROM pg_temp.payload('MESSAGE');
UPDATE appt.notification SET context = NULL WHERE id = :message;
SELECT is((appt_test.composed(:message))[1], 'NO_TEMPLATE', 'without data there is nothing to tell');

SELECT * FROM finish();
ROLLBACK;
