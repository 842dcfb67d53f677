-- Buttons, links and calendar blocks in messages to customers, whatever their templates say; masks for the tokens in them.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme Bank', public_url => 'https://api.example/base/', locale => 'en') AS app \gset
DELETE FROM appt.rule WHERE application_id = :'app';
INSERT INTO appt.meeting_template (application_id, name, meeting_type, video_platform) VALUES (:'app', 'Visit', 'VIDEO', 'Jitsi')
	RETURNING id AS visit \gset
INSERT INTO appt.rule (application_id, type, channel) VALUES (:'app', 'CREATE', 'EMAIL'), (:'app', 'CREATE', 'SMS');
SELECT (appt.schedule_appointment(:'app', '2030-07-06 14:05+02', '1 hour', organizer_id => 'ann', title => 'Loan <b>', timezone => 'Europe/Berlin',
	customer => '{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "bob@example.com", "primaryPhone": "+306900000000"}}')).id AS a \gset
SELECT id AS bob FROM appt.participant WHERE appointment_id = :'a' AND type = 'CUSTOMER' \gset
SELECT id AS email, rule_id AS email_rule FROM appt.notification WHERE appointment_id = :'a' AND channel = 'EMAIL' \gset
SELECT id AS sms, rule_id AS sms_rule FROM appt.notification WHERE appointment_id = :'a' AND channel = 'SMS' \gset

CREATE FUNCTION pg_temp.text_of(id bigint) RETURNS text LANGUAGE sql AS $$SELECT (appt_test.composed(id))[4]$$;
CREATE FUNCTION pg_temp.html_of(id bigint) RETURNS text LANGUAGE sql AS $$SELECT (appt_test.composed(id))[5]$$;
CREATE FUNCTION pg_temp.buttons(id bigint, VARIADIC buttons text[] DEFAULT '{}') RETURNS void LANGUAGE sql AS
	$$UPDATE appt.rule SET buttons = $2 FROM appt.notification n WHERE n.id = $1 AND rule.id = n.rule_id$$;
CREATE FUNCTION pg_temp.template(body text, html text DEFAULT NULL, channel text DEFAULT 'EMAIL', locale text DEFAULT 'en') RETURNS void
LANGUAGE sql AS $$
	DELETE FROM appt.template WHERE application_id = (SELECT id FROM appt.application WHERE name = 'Acme Bank');
	INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	SELECT id, 'CREATE', $3, $4, CASE $3 WHEN 'EMAIL' THEN 'S' END, $1, $2 FROM appt.application WHERE name = 'Acme Bank'$$;

-- What a message without buttons has.
SELECT unalike(c::text, '%landing_page%', 'without buttons there are no links') FROM appt_test.composed(:email) c;
SELECT appt_test.link_token(:email) AS token, appt_test.link_token(:email, 1) AS unsubscribe_token, appt_test.link_token(:sms) AS sms_token \gset
SELECT is(count(*), 1::bigint, 'the key was made once') FROM appt.secret WHERE application_id = :'app' AND name = 'TOKEN_KEY';

-- Buttons in the built-in template.
SELECT pg_temp.buttons(:email, 'ACCEPT', 'DECLINE', 'VIEW_DETAILS', 'ADD_TO_CALENDAR');
SELECT alike(pg_temp.text_of(:email), format(E'%%\nAccept: https://api.example/base/rpc/landing_page?token=%1$s&action=accept\n'
	'Decline: https://api.example/base/rpc/landing_page?token=%1$s&action=decline\n'
	'View details: https://api.example/base/rpc/landing_page?token=%1$s\n'
	'Add to calendar: https://api.example/base/rpc/ical_event?id=%2$s\n%%', :'token', :'a'), 'buttons are links in the text, each in a line');
SELECT alike(pg_temp.html_of(:email), format('%%<a href="https://api.example/base/rpc/landing_page?token=%1$s&amp;action=accept"%%>Accept</a>%%'
	'&amp;action=decline"%%>Decline</a>%%?token=%1$s"%%>View details</a>%%', :'token'), 'and in the HTML');
SELECT unalike(c::text, '%reschedule%', 'a button that is off appears nowhere') FROM appt_test.composed(:email) c;
SELECT is(array_agg(found[1]), ARRAY['accept', 'decline'], 'each is there once')
	FROM regexp_matches(pg_temp.html_of(:email), 'href="[^"]*action=(\w+)"', 'g') found;

-- In a written template.
SELECT pg_temp.template('Text', '<html><body><div><p>Hi</p></div></body></html>');
SELECT matches(pg_temp.html_of(:email), '^<html><body><div><p>Hi</p><div[^>]*>\s*<table.*</table>\s*</div>\s*</div></body></html>$',
	'a template that does not place them gets them at the end of its content');
SELECT matches(pg_temp.text_of(:email), E'^Text\n\nAccept: .*\nAdd to calendar: [^\n]*$', 'and so does a text');
SELECT pg_temp.template('{{{buttons}}}|End', '<p>{{{buttons}}}</p><b>End</b>');
SELECT matches(pg_temp.html_of(:email), '^<p><div.*</div>\s*</p><b>End</b>$', 'a template may place them');
SELECT matches(pg_temp.text_of(:email), E'^Accept: .*\\|End$', 'in the text, too');
SELECT pg_temp.template('{{#title}}{{^title}}{{{buttons}}}{{/title}}{{/title}}End', 'End');
SELECT matches(pg_temp.text_of(:email), E'^End\n\nAccept: ', 'a place that is left out does not count');
SELECT pg_temp.template('accept={{acceptUrl}} decline={{declineUrl}} reschedule={{rescheduleUrl}}.');
SELECT alike(pg_temp.text_of(:email), format('accept=https://api.example/base/rpc/landing_page?token=%1$s&action=accept '
	'decline=https://api.example/base/rpc/landing_page?token=%1$s&action=decline reschedule=.%%', :'token'),
	'links by name are those of the buttons, and of none that is off');
SELECT pg_temp.buttons(:email);
SELECT pg_temp.template('{{{buttons}}}{{#buttons}}some{{/buttons}}End', '<p>{{{buttons}}}</p>');
SELECT is((appt_test.composed(:email))[4:5], ARRAY['End', '<p></p>'], 'a place without buttons stays empty');

-- Other names.
UPDATE appt.application SET contact = '{"name": "Ann & Co", "phone": "+1", "email": "a@b.example", "url": "https://c.example"}' WHERE id = :'app';
UPDATE appt.appointment SET meeting_template_id = :'visit', booking_state = 'INVITED', notification_state = 'NONE', has_own_title = true WHERE id = :'a';
SELECT pg_temp.template('{{status}} {{meetingType}} {{videoPlatform}} {{contactName}} {{contactPhone}} {{contactEmail}} {{contactUrl}} {{landingUrl}} {{unsubscribeUrl}}');
SELECT is(pg_temp.text_of(:email), format('INVITED VIDEO Jitsi Ann & Co +1 a@b.example https://c.example '
	'https://api.example/base/rpc/landing_page?token=%s https://api.example/base/rpc/landing_page?token=%s', :'token', :'unsubscribe_token'),
	'contact, meeting template and links of the page');

-- Colours and the calendar block.
SELECT pg_temp.template('T', '<p>H</p>');
SELECT pg_temp.buttons(:email, 'ACCEPT');
UPDATE appt.rule SET appearance = '{"button_color": "#ffee00", "calendar_color": "#102030", "calendar_text_color": "#fafafa", "calendar_block": true}'
	WHERE id = :email_rule;
SELECT alike(pg_temp.html_of(:email), '%background-color:#ffee00;color:#000000;%>Accept</a>%', 'a button has the rule''s colour, and a text that can be read on it');
SELECT matches(pg_temp.html_of(:email), '^<p>H</p><table.*background-color:#102030.*color:#fafafa.*>Saturday<.*>6<.*>July<.*>2:05\sPM GMT\+2<.*</table>\s<div.*Accept',
	'the calendar block shows the day in the timezone of the appointment, before the buttons');
UPDATE appt.appointment SET locale = 'de-AT' WHERE id = :'a';
SELECT pg_temp.template('T', '<p>{{{calendarBlock}}}</p>', locale => 'de');
SELECT matches(pg_temp.html_of(:email), '^<p><table.*>Samstag<.*>6<.*>Juli<.*>14:05 (MESZ|CEST)<.*</table>\s</p><div', 'in the locale of the message, and where the template places it');
UPDATE appt.rule SET appearance = '{"calendar_block": false}' WHERE id = :email_rule;
SELECT matches(pg_temp.html_of(:email), '^<p></p><div', 'a block that is off appears nowhere');
UPDATE appt.rule SET appearance = NULL WHERE id = :email_rule;
SELECT matches(pg_temp.html_of(:email), '^<p><table.*Samstag', 'without a word about it, where it is placed');
UPDATE appt.appointment SET locale = 'ar' WHERE id = :'a';
SELECT pg_temp.template('T', '<p>{{{calendarBlock}}}</p>', locale => 'ar');
SELECT matches(pg_temp.html_of(:email), '<table role="presentation" dir="rtl".*<div dir="rtl"', 'blocks are written from right to left where the language is');
UPDATE appt.appointment SET locale = 'en' WHERE id = :'a';
SELECT throws_ok(format('UPDATE appt.rule SET appearance = %L WHERE id = %s', appearance, :email_rule), '22023', 'invalid appearance', 'not ' || appearance)
	FROM (VALUES ('{"button_color": "red"}'), ('{"button_color": "#12345"}'), ('{"button_color": "#12345g"}'), ('{"button_color": 1}'),
		('{"calendar_block": "yes"}'), ('{"buttonColor": "#123456"}'), ('[]'), ('"#123456"')) bad(appearance);

-- Text messages.
SELECT pg_temp.buttons(:sms, 'ACCEPT', 'DECLINE');
SELECT pg_temp.template('Hi', channel => 'SMS');
SELECT is(pg_temp.text_of(:sms), format(E'Hi\nDetails: https://api.example/base/r/%s', :'sms_token'), 'a text message has one link, to the page');
UPDATE appt.application SET short_url = 'https://a.example' WHERE id = :'app';
SELECT is(pg_temp.text_of(:sms), format(E'Hi\nDetails: https://a.example/r/%s', :'sms_token'), 'by the short URL if there is one');
SELECT pg_temp.template('Yes: {{acceptUrl}}', channel => 'SMS');
SELECT is(pg_temp.text_of(:sms), format(E'Yes: https://a.example/r/%s/accept', :'sms_token'), 'not if the text has a link itself');
UPDATE appt.rule SET reply_codes = '{"3": "DECLINE", "1": "ACCEPT", "2": "RESCHEDULE"}' WHERE id IN (:sms_rule, :email_rule);
SELECT is(pg_temp.text_of(:sms), format(E'Yes: https://a.example/r/%s/accept\nReply 1 to accept, 2 to ask for another time, 3 to decline.', :'sms_token'),
	'what a reply may say follows');
SELECT unalike(pg_temp.text_of(:email), '%Reply 1%', 'not in an email');

-- Without a public URL.
UPDATE appt.application SET public_url = NULL WHERE id = :'app';
SELECT is(pg_temp.text_of(:sms), E'Yes: \nReply 1 to accept, 2 to ask for another time, 3 to decline.', 'without a public_url there are no links');
SELECT unalike(c::text, '%Accept%', 'and no buttons') FROM appt_test.composed(:email) c;
UPDATE appt.application SET public_url = 'https://api.example/base' WHERE id = :'app';

-- Which template.
DELETE FROM appt.template WHERE application_id = :'app';
INSERT INTO appt.template (application_id, type, channel, rule_id, meeting_template_id, locale, text_body) VALUES
	(:'app', 'CREATE', 'SMS', NULL, NULL, 'en', 'type'), (:'app', 'CREATE', 'SMS', NULL, :'visit', 'en', 'meeting'),
	(:'app', 'CREATE', 'SMS', :sms_rule, NULL, 'en', 'rule'), (:'app', 'CREATE', 'SMS', :email_rule, NULL, 'en', 'another rule');
SELECT alike(pg_temp.text_of(:sms), E'rule\n%', 'the rule''s template comes first');
DELETE FROM appt.template WHERE text_body = 'rule';
SELECT alike(pg_temp.text_of(:sms), E'meeting\n%', 'then the meeting template''s');
UPDATE appt.appointment SET meeting_template_id = NULL, booking_state = NULL, notification_state = NULL, has_own_title = false WHERE id = :'a';
SELECT alike(pg_temp.text_of(:sms), E'type\n%', 'which is not for other appointments');
DELETE FROM appt.template WHERE application_id = :'app';

-- Previews.
SELECT pg_temp.buttons(:email, 'ACCEPT');
SELECT alike(text_body, '%landing_page?token=[token:respond]&action=accept%', 'a preview shows where the link will be, without its token')
	FROM appt.preview_notification(:'a', :'bob', 'CREATE', 'EMAIL', rule_id => :email_rule);
SELECT is(count(*), 0::bigint, 'no token') FROM appt.preview_notification(:'a', :'bob', 'CREATE', 'EMAIL', rule_id => :email_rule) p
	WHERE p::text LIKE '%' || substr(:'token', 1, 5) || '%';

-- A preview knows rules of the channel that customers prefer, and of the appointment's meeting template alone.
INSERT INTO appt.rule (application_id, type, channel, time_offset, buttons) VALUES (:'app', 'REMINDER', 'PREFERRED', '1 hour', '{DECLINE}')
	RETURNING id AS preferred \gset
INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, buttons)
	VALUES (:'app', :'visit', 'REMINDER', 'EMAIL', '1 hour', '{ACCEPT}');
SELECT alike(text_body, '%action=decline%', 'the rule over email') FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'EMAIL', rule_id => :preferred);
SELECT alike(text_body, '%/r/%', 'and by text message') FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'SMS', rule_id => :preferred);
SELECT ok(text_body LIKE '%action=decline%' AND text_body NOT LIKE '%action=accept%', 'found by its offset, too')
	FROM appt.preview_notification(:'a', :'bob', 'REMINDER', 'EMAIL', time_offset => '1 hour');

SELECT * FROM finish();
ROLLBACK;
