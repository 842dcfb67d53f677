-- landing_page and submit_response: what they show, with which status and headers, and that nothing breaks out of the page.
BEGIN;
SELECT * FROM no_plan();
SET client_min_messages = error;

SELECT appt.create_organization('Acme') AS organization \gset
SELECT appt.create_application(:'organization', 'Acme Bank', timezone => 'Europe/Athens') AS application \gset
INSERT INTO appt.meeting_template (application_id, name, title, meeting_type, video_platform)
	VALUES (:'application', 'Mortgage', 'Mortgage {{status}}', 'VIDEO', 'Zoom') RETURNING id AS template \gset
INSERT INTO appt.user_profile (application_id, id, name, channels) VALUES (:'application', 'agent', 'Olga Adviser', '{IN_APP}');

CREATE FUNCTION pg_temp.booked(application uuid, template uuid, OUT appointment uuid, OUT customer text) LANGUAGE plpgsql AS $$
#variable_conflict use_variable
BEGIN
	SELECT d.id INTO appointment FROM appt.schedule_appointment(application, date_trunc('hour', now()) + interval '2 days', '30 minutes',
		'{"name": {"firstName": "Bobby", "lastName": "Brown"}, "contact": {"primaryEmail": "bobby@example.org"}}',
		organizer_id => 'agent', location => 'Main Street 1') d;
	UPDATE appt.appointment SET meeting_template_id = template, booking_state = 'INVITED', notification_state = 'CONFIRMED', has_own_title = false
	WHERE id = appointment;
	SELECT p.id INTO customer FROM appt.participant p WHERE p.appointment_id = appointment AND p.type = 'CUSTOMER';
END $$;

-- A message with these buttons that went to the customer; its id.
CREATE FUNCTION pg_temp.asked(appointment uuid, customer text, buttons text[] DEFAULT '{ACCEPT,DECLINE,RESCHEDULE}') RETURNS bigint LANGUAGE plpgsql AS $$
#variable_conflict use_variable
DECLARE
	message bigint;
BEGIN
	INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, type, channel, due_at, lane, state,
		settled_at, address, attempt_count)
	SELECT application_id, id, 'CUSTOMER', customer, 'CONFIRMATION_REQUEST', 'EMAIL', now(), 100, 'SENT', now(), 'bobby@example.org', 1
	FROM appt.appointment WHERE id = appointment RETURNING id INTO message;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, shown)
	SELECT a.application_id, message, 1, now(), now(), 'DELIVERED', jsonb_build_object('buttons', buttons, 'reply_codes', NULL,
		'start_at', to_char(a.start_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'end_at', to_char(a.end_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
		'timezone', a.timezone, 'location', a.location)
	FROM appt.appointment a WHERE a.id = appointment;
	RETURN message;
END $$;

-- Pages as text, and what they set.
CREATE FUNCTION pg_temp.page(token text, action text DEFAULT NULL) RETURNS text LANGUAGE sql AS
$$ SELECT convert_from(appt.landing_page($1, $2)::bytea, 'UTF8') $$;
CREATE FUNCTION pg_temp.submit(token text, action text DEFAULT NULL, reason text DEFAULT NULL, proposed_start_at text DEFAULT NULL,
	seen text DEFAULT NULL) RETURNS text LANGUAGE sql AS $$ SELECT convert_from(appt.submit_response($1, $2, $3, $4, $5)::bytea, 'UTF8') $$;
CREATE FUNCTION pg_temp.status() RETURNS text LANGUAGE sql AS $$ SELECT current_setting('response.status') $$;
CREATE FUNCTION pg_temp.header(name text) RETURNS text LANGUAGE sql AS
$$ SELECT h ->> $1 FROM jsonb_array_elements(current_setting('response.headers')::jsonb) h WHERE h ? $1 $$;
CREATE FUNCTION pg_temp.answers(appointment uuid) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(concat_ws(' ', action, source, reason, proposed_start_at AT TIME ZONE 'Europe/Athens'), ', ' ORDER BY id), 'none')
	FROM appt.response WHERE appointment_id = $1
$$;

SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
UPDATE appt.appointment SET start_at = '2030-12-03 08:00+00', end_at = '2030-12-03 08:30+00', title = 'Mortgage Invited',
	title_for_customers = 'Mortgage' WHERE id = :'appointment';
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset

/* ---- the page ---- */

SELECT pg_temp.page(:'token') AS page \gset
SELECT is(pg_temp.status(), '200', 'a page');
SELECT is(pg_temp.header('Content-Type'), 'text/html; charset=utf-8', 'in HTML');
SELECT is(pg_temp.header('Referrer-Policy'), 'no-referrer', 'without a Referer');
SELECT is(pg_temp.header('Cache-Control'), 'no-store', 'in no cache');
SELECT is(pg_temp.header('X-Content-Type-Options'), 'nosniff', 'not guessed');
SELECT is(regexp_replace(pg_temp.header('Content-Security-Policy'), '''sha256-[A-Za-z0-9+/]{43}=''', 'HASH', 'g'),
	'default-src ''none''; style-src HASH; script-src HASH; img-src data:; form-action ''self''; base-uri ''none''; frame-ancestors ''none''',
	'with nothing from elsewhere, in no frame, and only the script and style that it comes with');
SELECT is(substring(pg_temp.header('Content-Security-Policy') FROM 'style-src ''sha256-([^'']+)'),
	encode(sha256(convert_to(substring(:'page' FROM '<style>(.*)</style>'), 'UTF8')), 'base64'), 'the hash is the style''s');
SELECT is(substring(pg_temp.header('Content-Security-Policy') FROM 'script-src ''sha256-([^'']+)'),
	encode(sha256(convert_to(substring(:'page' FROM '<script>(.*)</script>'), 'UTF8')), 'base64'), 'and the script''s');
SELECT ok(position(part IN :'page') > 0, part) FROM unnest('{"<html lang=\"en\" dir=\"ltr\">",<h1><bdi>Mortgage</bdi></h1>,"Hello Bobby Brown",
	"Tuesday, December 3, 2030","10:00 AM - 10:30 AM GMT+2","30 minutes",<dd><bdi>Main Street 1</bdi></dd>,"Olga Adviser","By video",Zoom,>Accept</button>,
	>Decline</button>,"Ask for another time</a>",https://calendar.google.com/,https://outlook.live.com/,../rpc/ical_event?id=,
	"action=\"../rpc/submit_response\""}'::text[]) part;
SELECT ok(position(part IN :'page') = 0, 'not ' || part) FROM unnest('{Invited,"{{",bobby@example.org,style=,onclick,http://}'::text[]) part;
SELECT is(pg_temp.answers(:'appointment'), 'none', 'reading the page answers nothing');

SELECT pg_temp.page(:'token', 'decline') AS page \gset
SELECT ok(:'page' LIKE '%Do you want to decline this appointment?%', 'with an action the page asks');
SELECT ok(:'page' NOT LIKE '%<textarea%', 'without a reason where the rule asks for none');
SELECT is(pg_temp.answers(:'appointment'), 'none', 'and answers nothing either');
SELECT ok(pg_temp.page(:'token', 'RESCHEDULE') ~ '<input type="datetime-local"[^>]* min="20[0-9-]*T[0-9:]*"', 'another time can be proposed, from now on');
SELECT ok(pg_temp.page(:'token', 'nonsense') LIKE '%>Accept</button>%', 'an unknown action is none');

/* ---- the form ---- */

SELECT pg_temp.submit(:'token', 'accept', '', '') AS page \gset
SELECT is(pg_temp.status(), '200', 'an answer');
SELECT is(pg_temp.answers(:'appointment'), 'ACCEPT EMAIL', 'is recorded as one by email; empty fields are absent');
SELECT ok(:'page' LIKE '%role="status"%Your answer has been sent%You have accepted.%', 'and the page says so');
SELECT ok(:'page' LIKE '%>Decline</button>%' AND :'page' NOT LIKE '%>Accept</button>%', 'and how to change it');
SELECT length(pg_temp.submit(:'token', 'accept')) > 0;
SELECT is(pg_temp.answers(:'appointment'), 'ACCEPT EMAIL', 'a double click is one answer');
SELECT ok(pg_temp.page(:'token') LIKE '%You have accepted.%', 'the page remembers it');
SELECT pg_temp.submit(:'token', 'RESCHEDULE', E'Not\r\nthen', '2030-12-24T10:15') AS page \gset
SELECT is(pg_temp.answers(:'appointment'), E'ACCEPT EMAIL, RESCHEDULE EMAIL Not\nthen 2030-12-24 10:15:00',
	'a time without an offset is the customer''s');
SELECT ok(:'page' LIKE '%Your proposal: Tuesday, December 24, 2030, 10:15 AM GMT+2%', 'and shown so');

SELECT is(length(pg_temp.submit(:'token', action, reason, proposal)) > 0 AND pg_temp.status() = '400', true, name || ' is refused by a page')
FROM (VALUES
	('no action', '', NULL, NULL), ('an unknown action', 'VIEW_DETAILS', NULL, NULL), ('a long reason', 'decline', repeat('x', 2001), NULL),
	('what is no time', 'reschedule', NULL, 'tomorrow'), ('a past time', 'reschedule', NULL, '2001-01-01T00:00'),
	('no finite time', 'reschedule', NULL, 'infinity'), ('a far time', 'reschedule', NULL, '9999-01-01T00:00'),
	('an impossible time', 'reschedule', NULL, '2030-02-30T00:00')) t (name, action, reason, proposal);
SELECT ok(pg_temp.submit(:'token', 'reschedule', 'My words', 'tomorrow') ~ 'aria-invalid="true".*>My words</textarea>',
	'the form comes back as it was filled in');
SELECT is(pg_temp.answers(:'appointment') ~ ',.*,', false, 'and nothing of that is recorded');

/* ---- what has changed ---- */

UPDATE appt.appointment SET location = 'Main Street 2' WHERE id = :'appointment';
SELECT pg_temp.page(:'token') AS page \gset
SELECT ok(:'page' LIKE '%has changed since%<del><bdi>Main Street 1</bdi></del>%<ins><bdi>Main Street 2</bdi></ins>%', 'old and new are shown');
SELECT ok(:'page' NOT LIKE '%<del><bdi>Tuesday%', 'but nothing that stayed');
SELECT pg_temp.submit(:'token', 'decline') AS page \gset
SELECT is(pg_temp.status(), '409', 'an answer to what has changed is a conflict');
SELECT ok(:'page' LIKE '%Do you want to decline this appointment?%', 'and asked again');
SELECT is(pg_temp.answers(:'appointment') LIKE '%DECLINE%', false, 'not recorded');
SELECT substring(:'page' FROM 'name="seen" value="([0-9a-f]{16})"') AS seen \gset
SELECT length(pg_temp.submit(:'token', 'decline', seen => :'seen')) > 0;
SELECT is(pg_temp.status() || ' ' || (pg_temp.answers(:'appointment') LIKE '%DECLINE%'), '200 true', 'until the customer has seen it');
UPDATE appt.appointment SET location = 'Main Street 3' WHERE id = :'appointment';
SELECT length(pg_temp.submit(:'token', 'accept', seen => :'seen')) > 0;
SELECT is(pg_temp.status(), '409', 'and it has not changed once more');
SELECT length(pg_temp.submit(:'token', 'accept', seen => 'forged')) > 0;
SELECT is(pg_temp.status(), '409', 'what was seen cannot be made up');
UPDATE appt.appointment SET location = 'Main Street 1' WHERE id = :'appointment';

/* ---- other messages ---- */

-- However much is sent.
SELECT ok(length(pg_temp.submit(:'token', said.action, said.reason, said.proposal, said.seen)) BETWEEN 1000 AND 200000, name || ': a page')
	|| E'\n' || is(pg_temp.status(), said.status, name || ': ' || said.status)
FROM (VALUES ('a long reason', 'decline', repeat('"', 1000000), NULL, NULL, '400'),
	('a long proposal', 'reschedule', NULL, repeat('"', 1000000), NULL, '400'),
	('a long action', repeat('"', 1000000), NULL, NULL, NULL, '400'),
	('a long digest', 'reschedule', 'r', NULL, repeat('"', 1000000), '409')) said (name, action, reason, proposal, seen, status);

SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer', '{}')) AS plain_token \gset
SELECT ok(pg_temp.page(:'plain_token') !~ '<form|<button', 'a message without buttons has a page to read');
SELECT length(pg_temp.submit(:'plain_token', 'accept')) > 0;
SELECT is(pg_temp.status(), '409', 'and not to answer');
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, ask_reason)
	VALUES (:'application', :'template', 'CONFIRMATION_REQUEST', 'EMAIL', true) RETURNING id AS rule \gset
SELECT length(pg_temp.submit(:'token', 'accept')) > 0;
SELECT pg_temp.asked(:'appointment', :'customer', '{DECLINE}') AS message \gset
UPDATE appt.notification SET rule_id = :rule, channel = 'SMS' WHERE id = :message;
SELECT appt_test.link_token(:message) AS sms_token \gset
SELECT ok(pg_temp.page(:'sms_token', 'decline') LIKE '%<textarea%', 'a rule may ask who declines for a reason');
SELECT ok(pg_temp.page(:'sms_token') ~ 'landing_page\?token=[^"]*&amp;action=decline' AND pg_temp.page(:'sms_token') NOT LIKE '%Accept</button>%',
	'which has a form of its own; what was not offered is not there');
SELECT length(pg_temp.submit(:'sms_token', 'decline', 'Ill')) > 0;
SELECT ok(pg_temp.answers(:'appointment') LIKE '%DECLINE PAGE Ill', 'from a text message it is one by the page');

/* ---- no such page, and over ---- */

SELECT is(length(pg_temp.page(token)) > 0 AND pg_temp.status() = '404', true, 'not found: ' || coalesce(left(token, 50), 'none'))
FROM unnest(ARRAY[NULL, '', 'x', repeat('A', 38), repeat('A', 100000), reverse(:'token'), :'token' || 'A', '''; DROP TABLE x; --', E'\u2028']) token;
SELECT pg_temp.submit('x', 'accept') AS page \gset
SELECT is(pg_temp.status(), '404', 'a form of no page is not found');
SELECT ok(:'page' LIKE '%This link does not work%' AND :'page' NOT LIKE '%Acme%', 'which says nothing about anybody');
SELECT appt_test.link_token(id) AS users_token FROM appt.notification WHERE appointment_id = :'appointment' AND recipient_kind = 'USER' LIMIT 1 \gset
SELECT length(pg_temp.page(:'users_token')) > 0;
SELECT is(pg_temp.status(), '404', 'a message to a user has no page');
SELECT FROM appt.cancel_appointment(:'appointment');
SELECT pg_temp.page(:'token') AS page \gset
SELECT is(pg_temp.status(), '410', 'cancelled');
SELECT ok(:'page' LIKE '%This appointment is over%' AND :'page' !~ 'Mortgage|Bobby|Main Street|2030|Olga', 'is over, and that is all');
SELECT is(pg_temp.submit(:'token', 'accept'), :'page', 'for the form, too');
SELECT is(pg_temp.status(), '410', 'cancelled');

UPDATE appt.notification SET created_at = now() - interval '1 hour' WHERE appointment_id = :'appointment';
SELECT FROM appt.reopen_appointment(:'appointment', '2030-12-03 08:00+00');
SELECT is(pg_temp.page(:'token'), :'page', 'nor do messages of before it was reopened lead to it');
SELECT is(pg_temp.status(), '410', 'which is over for them');
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset
SELECT ok(pg_temp.page(:'token') LIKE '%Main Street%' AND pg_temp.page(:'token') NOT LIKE '%You have%', 'those since then do, and nothing was said yet');

/* ---- hostile texts ---- */

SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
UPDATE appt.appointment SET title = NULL, has_own_title = false, title_for_customers = '</title><script>alert("1")</script>',
	location = '"><img src=x onerror=''alert(2)''>{{{style}}}' WHERE id = :'appointment';
UPDATE appt.participant SET first_name = '<b>Bobby', last_name = '{{token}}' WHERE appointment_id = :'appointment' AND type = 'CUSTOMER';
UPDATE appt.application SET name = 'Acme & <Sons>',
	contact = '{"name": "<i>Ann", "phone": "+302101234567", "email": "ann@b.example", "url": "https://b.example/?a=1&b=2"}'
WHERE id = :'application';
UPDATE appt.user_profile SET name = '<u>Olga' WHERE application_id = :'application';
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset
SELECT pg_temp.submit(:'token', 'decline', '<script>alert(3)</script> & "quotes" ''and'' {{{style}}}') AS page \gset
SELECT is((SELECT count(*) FROM regexp_matches(:'page', '<script', 'g')), 1::bigint, 'there is one script');
SELECT ok(:'page' !~ '<(b|i|u|img)[ >]|javascript:|" onclick', 'no markup, no handler and no other link gets in');
SELECT ok(:'page' LIKE '%&lt;script&gt;alert(3)&lt;/script&gt; &amp; &quot;quotes&quot;%', 'texts are escaped');
SELECT ok(:'page' LIKE '%Hello &lt;b&gt;Bobby {{token}}%', 'and are no templates');
SELECT ok(:'page' LIKE '%href="tel:+302101234567"%href="mailto:ann@b.example"%href="https://b.example/?a=1&amp;b=2"%', 'whom to ask');
UPDATE appt.appointment SET title_for_customers = repeat('<', 8000), location = repeat('&', 60000) WHERE id = :'appointment';
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset
SELECT is(length(pg_temp.page(:'token')) > 0 AND pg_temp.status() = '200', true, 'long texts are a page, too');
UPDATE appt.appointment SET title = 'INVITED-MARK', title_for_customers = NULL, location = NULL WHERE id = :'appointment';
SELECT ok(pg_temp.page(:'token') NOT LIKE '%INVITED-MARK%', 'a title that is nothing but the state is none to customers');

/* ---- words and languages ---- */

SELECT throws_ok(format('INSERT INTO appt.page_text VALUES (%L, ''en'', %L, ''x'')', :'application', key), '22023',
	'unknown key of a page''s words', 'no word: ' || key) FROM unnest('{page.nonsense,CREATE.subject,x}'::text[]) key;
INSERT INTO appt.page_text VALUES (:'application', 'en', 'page.hello', 'Dear {{name}} <3'), (:'application', 'en-GB', 'button.ACCEPT', 'Jolly good'),
	(:'application', 'en', 'button.ACCEPT', 'Fine'), (:'application', 'en', 'button.DECLINE', 'No {{#way}}');
SELECT pg_temp.page(:'token') AS page \gset
SELECT ok(:'page' LIKE '%Dear &lt;b&gt;Bobby {{token}} &lt;3%>Fine</button>%', 'an application''s own words, escaped');
SELECT ok(pg_temp.page(appt_test.link_token(pg_temp.asked(appointment, customer))) LIKE '%>No {{#way}}</button>%', 'what is no template is shown as it is')
FROM pg_temp.booked(:'application', :'template');
UPDATE appt.participant SET locale = 'en-GB' WHERE appointment_id = :'appointment' AND type = 'CUSTOMER';
SELECT ok(pg_temp.page(:'token') LIKE '%>Jolly good</button>%', 'of the customer''s locale before others');
UPDATE appt.application SET sender_image = '\x89504e470d0a1a0a00' WHERE id = :'application';
SELECT ok(pg_temp.page(:'token') LIKE '%<img src="data:image/png;base64,iVBORw0KGgoA" alt="">%', 'with the sender''s image');

UPDATE appt.application SET contact = '{"url": "mailto:desk@b.example"}' WHERE id = :'application';
SELECT ok(pg_temp.page(:'token') LIKE '%<a href="mailto:desk@b.example" rel=%', 'whom to ask may be any of the addresses that contact allows');

/* ---- unsubscribing ---- */

UPDATE appt.application SET name = 'Acme Bank', sender_image = NULL, contact = NULL WHERE id = :'application';
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer'), 1) AS token \gset
SELECT pg_temp.page(:'token') AS page \gset
SELECT ok(:'page' LIKE '%no more messages from Acme Bank at bobby@example.org?%' AND :'page' !~ 'Olga|Main Street',
	'the page of a link to unsubscribe asks');
SELECT is(count(*), 0::bigint, 'and changes nothing') FROM appt.suppression WHERE application_id = :'application';
SELECT pg_temp.submit(:'token', 'UNSUBSCRIBE') AS page \gset
SELECT ok(:'page' LIKE '%You are unsubscribed%value="RESUBSCRIBE"%', 'its form unsubscribes and offers to undo that');
SELECT is(string_agg(channel || ' ' || reason || ' ' || address, ', '), 'EMAIL OPTED_OUT bobby@example.org', 'the address is suppressed')
FROM appt.suppression WHERE application_id = :'application';
SELECT ok(pg_temp.submit(:'token', 'resubscribe') LIKE '%You get messages again%', 'it can be undone');
SELECT is(count(*), 0::bigint, 'entirely') FROM appt.suppression WHERE application_id = :'application';
SELECT FROM appt.cancel_appointment(:'appointment');
SELECT ok(pg_temp.submit(:'token') LIKE '%You are unsubscribed%', 'also once the appointment is over, and by an empty form');
SELECT ok(pg_temp.answers(:'appointment') LIKE 'DECLINE EMAIL <script>%' AND pg_temp.answers(:'appointment') NOT LIKE '%,%', 'which answers nothing');

/* ---- every role ---- */

SELECT appointment, customer FROM pg_temp.booked(:'application', :'template') \gset
SELECT appt_test.link_token(pg_temp.asked(:'appointment', :'customer')) AS token \gset
SET LOCAL ROLE appt_anonymous;
SELECT ok(convert_from(appt.landing_page(:'token')::bytea, 'UTF8') LIKE '%Fine</button>%', 'anybody who has the token reads the page');
SELECT ok(convert_from(appt.submit_response(:'token', 'accept')::bytea, 'UTF8') LIKE '%You have accepted%', 'and answers');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
