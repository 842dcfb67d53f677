-- The words of messages: which template, which names, which language; the JSON for subscribers; what is sent again.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme Bank', room_url => 'https://video.example/q/',
	public_url => 'https://api.example/base', timezone => 'Europe/Berlin', locale => 'de') AS app \gset
SELECT (appt.create_subscription(:'app', 'https://hooks.example/one')).id AS one \gset
SELECT (appt.schedule_appointment(:'app', '2030-07-01 14:00+02', '1 hour 30 minutes', organizer_id => 'ann',
	customer => '{"name": {"firstName": "Bob", "lastName": "O''Neil & Sons"}, "username": "bobby", "locale": "en_GB", "metadata": '
		'{"tier": "gold"},
		"contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}',
	title => 'Loan <review>', notes => 'internal', location => 'Online', timezone => 'Europe/Athens', locale => 'el',
	metadata => '{"crm": {"ref": "3nv"}, "n": 1.50}', notification_headers => '{"X-Trace": "t1", "X-Other": "o"}')).id AS a \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
SELECT id AS email FROM appt.notification WHERE appointment_id = :'a' AND type = 'CREATE' AND channel = 'EMAIL' \gset
SELECT id AS hook FROM appt.notification WHERE appointment_id = :'a' AND type = 'CREATE' AND channel = 'WEBHOOK' \gset
SELECT id AS day_before FROM appt.notification WHERE appointment_id = :'a' AND type = 'REMINDER' AND channel = 'EMAIL'
	AND time_offset = '1 day' \gset
SELECT id AS hour_before FROM appt.notification WHERE appointment_id = :'a' AND type = 'REMINDER' AND channel = 'EMAIL'
	AND time_offset = '1 hour' \gset
SELECT url AS room FROM appt.room_access WHERE appointment_id = :'a' \gset

CREATE FUNCTION pg_temp.text_of(id bigint) RETURNS text LANGUAGE sql AS $$SELECT (appt_test.composed(id))[4]$$;
CREATE FUNCTION pg_temp.template(body text, locale text DEFAULT 'en', rule bigint DEFAULT NULL,
	type text DEFAULT 'CREATE') RETURNS void LANGUAGE sql AS $$
	INSERT INTO appt.template (application_id, type, channel, rule_id, locale, subject, text_body, html_body)
	SELECT id, $4, 'EMAIL', $3, $2, 'S: ' || $1, $1, '<p>' || $1 || '</p>' FROM appt.application WHERE name = 'Acme Bank'
	ON CONFLICT (application_id, type, channel, coalesce(rule_id, 0),
		coalesce(meeting_template_id, '00000000-0000-0000-0000-000000000000'), lower(translate(locale, '_', '-') COLLATE "C"), locale) DO UPDATE
	SET subject = EXCLUDED.subject, text_body = EXCLUDED.text_body, html_body = EXCLUDED.html_body$$;

-- Built in.
SELECT is((appt_test.composed(:email))[1:3], ARRAY['bob@example.com', 'Bob O''Neil & Sons',
	'Confirmed: Loan <review>, Mon, 1 Jul 2030, 15:00'],
	'without a written template the built-in one is sent, with the dates of the recipient''s English and the appointment''s timezone');
SELECT ok(pg_temp.text_of(:email) LIKE '%' || :'room' || '%', 'with the join link');

-- Every name of a template.
SELECT pg_temp.template($$firstName={{firstName}}|lastName={{lastName}}|fullName={{fullName}}|username={{username}}|title={{title}}|notes={{notes}}|location={{location}}|organizer={{organizer}}|time24={{time24}}|time12={{time12}}|time={{time}}|date={{date}}|short={{shortDate}}|full={{fullDate}}|zone={{zone}}|name={{zoneName}}|duration={{duration}}|applicationName={{applicationName}}|ref={{metadata.crm.ref}}|n={{metadata.n}}|missing={{metadata.none}}|tier={{participant.metadata.tier}}|pattern={{dd-MM-yyyy}} {{HH:mm}}$$);
SELECT is(pg_temp.text_of(:email),
	'firstName=Bob|lastName=O''Neil & Sons|fullName=Bob O''Neil & Sons|username=bobby|title=Loan '
		'<review>|notes=internal|location=Online|organizer=ann|time24=15:00|time12=3:00 pm|time=15:00|date=1 July 2030|short=Mon, 1 Jul 2030|full=Monday, 1 July 2030|zone=EEST|name=Eastern European Summer Time|duration=1 '
		'hour 30 minutes|applicationName=Acme Bank|ref=3nv|n=1.50|missing=|tier=gold|pattern=01-07-2030 15:00',
	'every name is there, dates in the appointment''s timezone and the reader''s English');
SELECT pg_temp.template($$join={{joinUrl}}|ical={{icalUrl}}|google={{googleCalendarUrl}}|outlook={{outlookCalendarUrl}}$$);
SELECT is(pg_temp.text_of(:email), format('join=%s|ical=https://api.example/base/rpc/ical_event?id=%s|google=https://api.example/base/rpc/google_calendar_event?id=%2$s|outlook=https://api.example/base/rpc/outlook_calendar_event?id=%2$s', :'room', :'a'), 'links');
UPDATE appt.room_access SET url = '' WHERE appointment_id = :'a';
DELETE FROM appt.template;
SELECT ok(c[4] LIKE 'Hello Bob,%' AND c::text !~* 'join', 'nothing about joining where the application has no room_url')
	FROM appt_test.composed(:email) c;
SELECT is(((c[4]::jsonb->>'payload')::jsonb->'roomAccess') - 'expires',
	jsonb_build_object('ticket', ticket, 'type', 'MULTI_USE_TICKET'), 'subscribers get the ticket alone')
  FROM appt_test.composed(:hook) c, appt.room_access WHERE appointment_id = :'a';
UPDATE appt.room_access SET url = :'room' WHERE appointment_id = :'a';
SELECT pg_temp.template($$join={{joinUrl}}|ical={{icalUrl}}|google={{googleCalendarUrl}}|outlook={{outlookCalendarUrl}}$$);
UPDATE appt.application SET public_url = NULL WHERE id = :'app';
SELECT is(pg_temp.text_of(:email), format('join=%s|ical=|google=|outlook=', :'room'), 'no calendar links without a public_url');
DELETE FROM appt.room_access WHERE appointment_id = :'a';
SELECT is(pg_temp.text_of(:email), 'join=|ical=|google=|outlook=', 'no join link before the activation');
INSERT INTO appt.room_access (application_id, appointment_id, ticket, url, expires)
	VALUES (:'app', :'a', 'abc-def-ghi', 'https://video.example/q/abc-def-ghi', '2030-07-01 14:30Z');

-- Escaped in HTML, raw in text and subject; a subject is one line.
SELECT pg_temp.template('{{title}} {{{title}}}');
SELECT is((appt_test.composed(:email))[3:5], ARRAY['S: Loan <review> Loan <review>', 'Loan <review> Loan <review>',
	'<p>Loan &lt;review&gt; Loan <review></p>'], 'escaped in HTML alone');
SELECT pg_temp.template(E'one\r\nBcc: two\tthree');
SELECT is((appt_test.composed(:email))[3], 'S: one Bcc: two three', 'a subject is one line');
-- No text in a title or a name prevents a message.
SELECT pg_temp.template('{{title}}');
UPDATE appt.appointment SET title = E' Loan\x01\x0b\n  review\x7f\n' WHERE id = :'a';
UPDATE appt.participant SET first_name = E'Bob\r\nBcc:', last_name = E'O\tNeil\n' WHERE id = :'bob';
SELECT is((appt_test.composed(:email))[2:3], ARRAY['Bob Bcc: O Neil', 'S: Loan review'],
	'nor have names in headers line breaks, and white space is one space');
UPDATE appt.appointment SET title = 'Loan <review>' WHERE id = :'a';
UPDATE appt.participant SET first_name = 'Bob', last_name = 'O''Neil & Sons' WHERE id = :'bob';

-- Locales: recipient's, appointment's, application's.
DELETE FROM appt.template;
SELECT pg_temp.template('application {{dd MMMM}}', 'de');
SELECT is(pg_temp.text_of(:email), 'application 01 Juli', 'the application''s language, its dates with it');
SELECT pg_temp.template('english {{dd MMMM}}', 'en');
SELECT is(pg_temp.text_of(:email), 'english 01 July', 'en for a reader of en-GB');
SELECT pg_temp.template('british', 'en-GB');
SELECT is(pg_temp.text_of(:email), 'british', 'en_GB is en-GB');
SELECT pg_temp.template('ελληνικά', 'el');
UPDATE appt.participant SET locale = NULL WHERE appointment_id = :'a';
SELECT is(pg_temp.text_of(:email), 'ελληνικά', 'the appointment''s, if the reader has none');
UPDATE appt.participant SET locale = 'fr-CA' WHERE appointment_id = :'a' AND type = 'CUSTOMER';
SELECT is(pg_temp.text_of(:email), 'ελληνικά', 'or none in the reader''s language');
DELETE FROM appt.template WHERE locale = 'el';
SELECT is(pg_temp.text_of(:email), 'application 01 Juli', 'the application''s, if there is none in either');
UPDATE appt.participant SET locale = 'en-GB' WHERE appointment_id = :'a' AND type = 'CUSTOMER';

-- A rule's own template.
SELECT rule_id AS hour_rule FROM appt.notification WHERE id = :hour_before \gset
SELECT pg_temp.template('any reminder', 'en', NULL, 'REMINDER'), pg_temp.template('in an hour', 'en', :hour_rule, 'REMINDER');
SELECT is(ARRAY[pg_temp.text_of(:day_before), pg_temp.text_of(:hour_before)], '{any reminder,in an hour}',
	'a rule''s template is for its messages alone');
SELECT pg_temp.template('any british reminder', 'en-GB', NULL, 'REMINDER');
SELECT is(pg_temp.text_of(:hour_before), 'any british reminder', 'the language comes before the rule');
DELETE FROM appt.template WHERE type = 'REMINDER';

-- Failure is a value.
UPDATE appt.appointment SET timezone = 'Mars/Olympus' WHERE id = :'a';
SELECT is(appt_test.composed(:email), ARRAY['TEMPLATE_ERROR', 'Timezone "Mars/Olympus" is not known any more.'],
	'a timezone that is gone fails the message, not the batch');
UPDATE appt.appointment SET timezone = 'Europe/Athens' WHERE id = :'a';
SELECT pg_temp.template('{{#metadata.crm}}{{ref}}{{/metadata.crm}}', 'en-GB');
SELECT is(pg_temp.text_of(:email), '3nv', 'sections see metadata');

-- Deep metadata is stored by anyone who schedules; it must not bring the worker down.
UPDATE appt.appointment SET metadata = ('{"d":' || repeat('[', 5000) || repeat(']', 5000) || '}')::jsonb WHERE id = :'a';
SELECT ok(appt_test.composed(:email) IS NOT NULL AND appt_test.composed(:hook) IS NOT NULL, 'deeply nested metadata does no harm');
UPDATE appt.appointment SET metadata = '{"crm": {"ref": "3nv"}, "n": 1.50}' WHERE id = :'a';

-- The payload.
UPDATE appt.participant SET locale = NULL;
SELECT is(((appt_test.composed(:hook, '2030-06-01 10:00:00.123Z'))[4]::jsonb->>'payload')::jsonb - 'participantIds', format('{
	"applicationId": "%s", "duration": "PT1H30M", "end": "2030-07-01T13:30:00Z", "id": "%s", "interaction": {"state": "PENDING"},
	"locale": "el", "location": "Online", "metadata": {"crm": {"ref": "3nv"}, "n": 1.50}, "notes": "internal", "notificationsActive": true,
	"organizer": {"id": "ann", "type": "AGENT"},
	"roomAccess": {"ticket": "abc-def-ghi", "type": "MULTI_USE_TICKET", "url": "https://video.example/q/abc-def-ghi", "expires": '
		'"2030-07-01T14:30:00Z"},
	"start": "2030-07-01T12:00:00Z", "state": "ACTIVATED", "timezone": "Europe/Athens", "title": "Loan <review>"}', :'app', :'a')::jsonb,
	'subscribers get GetAppointmentResponse');
SELECT bag_eq($$SELECT jsonb_array_elements(((appt_test.composed($$ || :hook
	|| $$))[4]::jsonb->>'payload')::jsonb->'participantIds')::text$$,
	ARRAY[format('{"id": "%s", "type": "CUSTOMER"}', :'bob'), '{"id": "ann", "type": "AGENT"}'], 'with everybody who takes part');
SELECT is((appt_test.composed(:hook, '2030-06-01 10:00:00.123Z'))[4]::jsonb - 'payload',
	jsonb_build_object('id', uid, 'type', 'CREATE', 'timestamp', '2030-06-01T10:00:00.123Z'),
	'in an envelope of id, type and timestamp') FROM appt.notification WHERE id = :hook;
SELECT is((appt_test.composed(:hook))[1], 'https://hooks.example/one', 'at the subscription''s URL');
UPDATE appt.appointment SET start_at = '2030-07-01 12:00:00.5Z', end_at = '2030-07-03 13:00:07.50025Z', title = NULL,
	notes = E'quote " back \\ line\nend \u20ac', location = NULL WHERE id = :'a';
SELECT is(p->>'duration', 'PT49H7.00025S', 'durations in hours, minutes and seconds')
	FROM (SELECT ((appt_test.composed(:hook))[4]::jsonb->>'payload')::jsonb p) x;
SELECT is(p->>'start', '2030-07-01T12:00:00.5Z', 'fractions of a second')
	FROM (SELECT ((appt_test.composed(:hook))[4]::jsonb->>'payload')::jsonb p) x;
SELECT is(p->>'notes', E'quote " back \\ line\nend \u20ac', 'text survives')
	FROM (SELECT ((appt_test.composed(:hook))[4]::jsonb->>'payload')::jsonb p) x;
SELECT ok(NOT p ?| '{title,location}', 'what is not there is left out')
	FROM (SELECT ((appt_test.composed(:hook))[4]::jsonb->>'payload')::jsonb p) x;
CREATE FUNCTION pg_temp.duration_of(length interval, appointment_id uuid, hook bigint) RETURNS text LANGUAGE sql AS $$
	UPDATE appt.appointment SET end_at = start_at + length WHERE id = appointment_id;
	SELECT (appt_test.composed(hook))[4]::jsonb->>'payload'$$;
SELECT is(pg_temp.duration_of(length, :'a', :hook)::jsonb->>'duration', text, text)
  FROM (VALUES ('PT5M', interval '5 minutes'), ('PT1S', '1 second'), ('PT24H', '24 hours'), ('PT0.000001S', '1 microsecond'),
  	('PT1M30S', '90 seconds')) t (text, length);

-- What a webhook tells of its own event, whatever happens to the appointment afterwards.
SELECT (appt.schedule_appointment(:'app', '2030-08-01 10:00Z', '30 minutes', '{}', organizer_id => 'ann',
	timezone => 'Europe/Athens')).id AS moved \gset
CREATE FUNCTION pg_temp.told(appointment uuid, type text) RETURNS TABLE (n bigint, payload jsonb) LANGUAGE sql AS $$
	SELECT row_number() OVER (ORDER BY id), ((appt_test.composed(id))[4]::jsonb->>'payload')::jsonb
	FROM appt.notification n WHERE n.appointment_id = $1 AND n.type = $2 AND channel = 'WEBHOOK' ORDER BY id$$;
SELECT appt.update_appointment(:'moved', title => 'New', notes => 'N');
SELECT appt.update_appointment(:'moved', title => 'New', location => 'L', metadata => '{"a": 1}');
SELECT appt.add_agent(:'moved', 'bea');
SELECT appt.add_customer(:'moved', '{"username": "eve"}');
SELECT appt.remove_participant(:'moved', 'bea');
SELECT appt.reassign_appointment(:'moved', 'cyd');
SELECT appt.reschedule_appointment(:'moved', locale => 'fr', start_at => NULL, duration => NULL);
SELECT results_eq(format($$SELECT payload->'changedFields' FROM pg_temp.told(%L, 'UPDATE')$$, :'moved'),
	ARRAY['["title", "notes"]', '["location", "metadata"]', '["participantIds"]', '["participantIds"]', '["participantIds"]',
		'["organizer", "participantIds"]', '["locale"]']::jsonb[],
	'an UPDATE names the fields that changed');
SELECT is_empty(format($$SELECT f FROM pg_temp.told(%L, 'UPDATE'), jsonb_array_elements_text(payload->'changedFields') f
	WHERE NOT payload ? f$$, :'moved'),
	'each by its name in the payload');
SELECT appt.reschedule_appointment(:'moved', '2030-08-02 11:00:00.25Z', '1 hour 30 minutes');
SELECT appt.reschedule_appointment(:'moved', NULL, NULL, timezone => 'UTC');
SELECT results_eq(format($$SELECT payload->'previousStart', payload->'previousDuration', payload->'previousTimezone'
	FROM pg_temp.told(%L, 'RESCHEDULE')$$, :'moved'),
	$$VALUES ('"2030-08-01T10:00:00Z"'::jsonb, '"PT30M"'::jsonb, '"Europe/Athens"'::jsonb), ('"2030-08-02T11:00:00.25Z"',
		'"PT1H30M"', '"Europe/Athens"')$$,
	'a RESCHEDULE tells when it was before');
SELECT is_empty(format($$SELECT * FROM pg_temp.told(%L, %L) WHERE payload ?| '{changedFields,previousStart,cancelReason}'$$,
	:'moved', t), t || ' tells of no change') FROM unnest('{CREATE,REMINDER}'::text[]) t;
SELECT is_empty($$SELECT * FROM appt.notification WHERE channel <> 'WEBHOOK' AND event IS NOT NULL AND type <> 'RESCHEDULE'$$,
	'people are told in words, of when it was before alone');
SELECT pg_temp.template('{{previousDate}}, {{previousTime}}|{{fullDate}}, {{time}}', 'en', NULL, 'RESCHEDULE');
SELECT (appt.schedule_appointment(:'app', '2030-08-01 10:00Z', '30 minutes', '{"locale": "en-US", "contact": {"primaryEmail": "c@example.org"}}',
	organizer_id => 'ann', timezone => 'Europe/Athens')).id AS shifted \gset
CREATE FUNCTION pg_temp.news(appointment uuid) RETURNS text LANGUAGE sql AS $$SELECT pg_temp.text_of(id) FROM appt.notification
	WHERE appointment_id = $1 AND type = 'RESCHEDULE' AND channel = 'EMAIL' AND state = 'PENDING'$$;
SELECT appt.reschedule_appointment(:'shifted', '2030-08-02 11:00Z', '1 hour', timezone => 'Europe/Berlin');
SELECT is(pg_temp.news(:'shifted'), 'Thursday, August 1, 2030, 12:00 PM|Friday, August 2, 2030, 1:00 PM',
	'a mail tells when it was before, in the timezone of the new time');
SELECT appt.reschedule_appointment(:'shifted', NULL, '2 hours');
SELECT is(pg_temp.news(:'shifted'), ', |Friday, August 2, 2030, 1:00 PM', 'of a longer appointment it does not');
DELETE FROM appt.template WHERE type = 'RESCHEDULE';
SELECT appt.cancel_appointment(:'moved', 'Rain & <snow>');
SELECT is(payload->>'cancelReason', 'Rain & <snow>', 'CANCELLED tells why') FROM pg_temp.told(:'moved', 'CANCELLED');
INSERT INTO appt.participant (application_id, appointment_id, id, type, email)
	VALUES (:'app', :'moved', 'mail', 'CUSTOMER', 'mail@example.com');
SELECT ok(text_body LIKE E'%\nMotif_: Rain & <snow>\n%' AND html_body LIKE '%Rain &amp; &lt;snow&gt;%', 'and so does the mail')
	FROM appt.preview_notification(:'moved', 'mail', 'CANCELLED', 'EMAIL');
SELECT pg_temp.template('{{cancelReason}}', 'fr', NULL, 'CANCELLED');
SELECT is(text_body, 'Rain & <snow>', 'a template names it') FROM appt.preview_notification(:'moved', 'mail', 'CANCELLED', 'EMAIL');

-- An interrupted message is sent again unchanged.
DELETE FROM appt.template;
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, recipient, subject,
	text_body, html_body) VALUES
	(:'app', :email, 1, now(), now(), 'FAILED', 'x@example.com', 'first', 'first', NULL),
	(:'app', :email, 2, now(), now(), 'INTERRUPTED', 'old@example.com', 'second', 'second body', '<p>second</p>'),
	(:'app', :hook, 1, now(), now(), 'INTERRUPTED', 'https://old.example', NULL, '{"stored": true}', NULL);
SELECT is((appt_test.composed(:email))[1], 'bob@example.com', 'a retry after a failure is composed anew');
UPDATE appt.notification SET state = 'RETRYING', reason = 'INTERRUPTED', attempt_count = 2 WHERE id IN (:email, :hook);
SELECT is((appt_test.composed(:email))[1:5], ARRAY['old@example.com', 'Bob O''Neil & Sons', 'second', 'second body',
	'<p>second</p>'], 'the stored mail goes again, to the same address');
SELECT is((appt_test.composed(:hook))[4], '{"stored": true}', 'the stored body goes again');

-- The log keeps no more than 256 kB of a body: what was cut is composed anew, to the same address.
UPDATE appt.attempt SET text_body = repeat('x', 262140) WHERE notification_id = :email AND outcome = 'INTERRUPTED';
SELECT is(length((appt_test.composed(:email))[4]), 262140, 'the longest body that is stored whole goes again');
UPDATE appt.attempt SET text_body = repeat('x', 262141) WHERE notification_id = :email AND outcome = 'INTERRUPTED';
SELECT ok((c)[1] = 'old@example.com' AND (c)[4] LIKE '%Bob%', 'a longer one is composed anew')
	FROM (SELECT appt_test.composed(:email) c) x;
UPDATE appt.attempt SET text_body = 'second body' WHERE notification_id = :email AND outcome = 'INTERRUPTED';

-- Without an appointment.
CREATE FUNCTION pg_temp.to_address(type text, context jsonb) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, next_attempt_at, lane,
		address, context)
	SELECT id, 'ADDRESS', 'me@example.com', type, 'EMAIL', now(), now(), 1, 'me@example.com', context FROM appt.application
		WHERE name = 'Acme Bank' RETURNING id$$;
SELECT pg_temp.to_address('CODE', '{"purpose": "CUSTOMER", "nonce": "11111111-2222-3333-4444-555555555555"}') AS code,
	pg_temp.to_address('TEST', '{"data": {"firstName": "Max"}, "subject": "Hi {{firstName}}", "text_body": "at {{HH:mm}} Uhr", '
		'"start_at": "2030-01-01T08:30:00Z", "locale": "de"}') AS test,
	pg_temp.to_address('TEST', '{"data": {"title": "Sample"}, "template_type": "REMINDER", "start_at": "2030-01-01T08:30:00Z", '
		'"end_at": "2030-01-01T09:00:00Z", "timezone": "Europe/Athens", "locale": "en"}') AS sample,
	pg_temp.to_address('TEST', '{"text_body": "{{#open}}"}') AS broken \gset
SELECT ok((c)[1] = 'me@example.com' AND (c)[4] LIKE '%' || appt_test.one_time_code(:'app', 'CUSTOMER', 'me@example.com',
	'11111111-2222-3333-4444-555555555555') || '%',
	'a code goes to the bare address') FROM (SELECT appt_test.composed(:code) c) x;
SELECT is((appt_test.composed(:test))[3:5], ARRAY['Hi Max', 'at 09:30 Uhr', NULL], 'a test message shows the texts it brings along');
SELECT ok((appt_test.composed(:sample))[3] LIKE '%Sample, Tue, Jan 1, 2030, 10:30 AM', 'or another type''s template');
SELECT is((appt_test.composed(:broken))[1], 'TEMPLATE_ERROR', 'a template that does not parse is an error as a value');

-- Secrets reach only the channel.
SELECT (appt.create_subscription(:'app', 'https://hooks.example/two', hmac_key => 'old key', auth => 'BASIC', username => 'u',
	secret => 'pass word',
	headers => '[{"name": "X-Open", "value": "o", "type": "DEFAULT"}, {"name": "X-Api-Key", "value": "k 1", "type": '
		'"SECRET"}]')).id AS two \gset
SELECT appt.rotate_subscription_key(:'two') \gset
SELECT appt.update_appointment(:'a', title => 'x');
SELECT id AS two_hook FROM appt.notification WHERE subscription_id = :'two' \gset
SELECT is(s, ARRAY['pass word', (SELECT value FROM appt.secret WHERE subscription_id = :'two' AND name = 'HMAC_KEY'
	AND expires_at IS NULL), 'old key', 'X-Open: o', 'X-Api-Key: k 1'],
	'password, the newest key first, secret headers in clear') FROM (SELECT appt_test.route_secrets(:two_hook) s) x;
UPDATE appt.secret SET expires_at = now() - interval '1 second' WHERE value = 'old key';
SELECT ok(NOT 'old key' = ANY (appt_test.route_secrets(:two_hook)), 'a key signs until it expires');

-- Many at once: each once, ordered by id, whatever order was given.
SELECT is(appt_test.loaded(ARRAY[:two_hook, :email, :day_before, :email, -1]::bigint[]),
	(SELECT array_agg(id || '/' || r ORDER BY id) FROM (VALUES (:two_hook::bigint, 'https://hooks.example/two'),
		(:email, 'old@example.com'), (:day_before, 'bob@example.com')) t (id, r)),
	'facts come ordered by id, each once');

SELECT * FROM finish();
ROLLBACK;
