-- Built-in words: every language has every text, and says every message, in its own words and without gaps.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT is(appt_test.words_languages(), '{en,ar,de,el,es,fr,it,nl,pl,pt}', 'ten languages, English first');
SELECT is_empty($$SELECT language, key FROM unnest(appt_test.words_languages()) language, unnest(appt_test.words_keys()) key
	WHERE appt_test.words_own(language, key) IS NULL$$, 'each has each text');
SELECT is_empty($$SELECT language, key FROM unnest(appt_test.words_languages()) language, unnest(appt_test.words_keys()) key
	WHERE appt_test.words_own(language, key) ~ '\[[a-z_.]+\]|\{\{\}\}|  '$$, 'no reference is left');
-- A text that is longer than a word or two is translated.
SELECT is_empty($$SELECT language, key, appt_test.words_own('en', key)
	FROM unnest(appt_test.words_languages()) language, unnest(appt_test.words_keys()) key
	WHERE language <> 'en' AND appt_test.words_own(language, key) = appt_test.words_own('en', key)
	AND regexp_replace(appt_test.words_own('en', key), '\{\{[^}]*\}\}', '', 'g') ~ '[A-Za-z]+ [A-Za-z]+' AND key <> 'page.calendar.google'$$, 'no text of several words is English');
SELECT is(appt_test.page_word(locale, 'button.ACCEPT'), expected, locale)
  FROM (VALUES ('en', 'Accept'), ('en-GB', 'Accept'), ('de', 'Zusagen'), ('de_AT', 'Zusagen'), ('DE-ch', 'Zusagen'), ('sv', 'Accept'),
	('', 'Accept'), ('d', 'Accept'), ('deu', 'Accept'), ('pt-BR', 'Aceitar'), ('el-GR', 'Αποδοχή')) t (locale, expected);

-- One of each message to people, without a locale of its own: so it follows the application's.
SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme', public_url => 'https://v.example', room_url => 'https://v.example/q/',
	timezone => 'Europe/Berlin', locale => 'en') AS app \gset
SELECT set_config('test.app', :'app', true) AS ignored \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', 'Acme <info@bank.example>') \gset
SELECT appt.set_provider(:'app', 'SMS', 'HTTP', 'https://sms.example') \gset
INSERT INTO appt.user_profile (application_id, id, name, email, backup_phone, channels, is_admin, is_billing_admin)
VALUES (:'app', 'ann', 'Ann', 'ann@example.org', '+491700000001', '{EMAIL,SMS,IN_APP}', true, true);
INSERT INTO appt.user_preference (application_id, user_id, type, enabled)
SELECT :'app', 'ann', type, true FROM appt.notification_type WHERE audience = 'USERS';
INSERT INTO appt.line (application_id, name, owner_id) VALUES (:'app', 'L1', 'ann') RETURNING id AS line \gset
SELECT (appt.schedule_appointment(:'app', '2030-07-01 14:00+02', '1 hour 30 minutes', organizer_id => 'ann', title => 'Xyz',
	location => 'Qrs 1', customer => '{"name": {"firstName": "Bob", "lastName": "Brown"}, "contact": {"primaryEmail": "b@example.org",
	"primaryPhone": "+491700000002"}}')).id AS a \gset
UPDATE appt.appointment SET cancel_reason = 'Zzz' WHERE id = :'a';

CREATE TEMP TABLE message (id bigint, type text, channel text, variant text);
CREATE FUNCTION pg_temp.plan(type text, channel text, variant text, base appt.notification, more jsonb DEFAULT '{}') RETURNS void
LANGUAGE sql AS $$
	WITH n AS (INSERT INTO appt.notification SELECT (jsonb_populate_record($4, jsonb_build_object('type', $1, 'channel', $2,
			'id', nextval(pg_get_serial_sequence('appt.notification', 'id')), 'uid', gen_random_uuid(), 'rule_id', NULL) || $5)).*
		RETURNING id)
	INSERT INTO message SELECT id, $1, $2, $3 FROM n$$;
SELECT pg_temp.plan(t.type, c, '', n) FROM appt.notification_type t, unnest(t.channels) c, appt.notification n
 WHERE t.audience ~ 'CUSTOMERS' AND c <> 'WEBHOOK' AND n.appointment_id = :'a' AND n.type = 'CREATE' AND n.channel = 'EMAIL' \g /dev/null
SELECT pg_temp.plan(t.type, c, coalesce(answer->>'action', ''), n, jsonb_build_object('recipient_kind', 'USER', 'recipient_id', 'ann',
	'event', answer))
  FROM appt.notification_type t, unnest(t.channels) c, appt.notification n, unnest(CASE t.type WHEN 'RESPONSE' THEN ARRAY[
	'{"action": "ACCEPT", "customerName": "Bob Brown"}', '{"action": "DECLINE", "customerName": "Bob Brown", "reason": "Zzz"}',
	'{"action": "RESCHEDULE", "proposedStart": "2030-07-02T12:00:00Z"}']::jsonb[] ELSE '{null}' END) answer
 WHERE t.type ~ '^APPOINTMENT_|^RESPONSE$' AND c <> 'WEBHOOK' AND n.appointment_id = :'a' AND n.type = 'CREATE' AND n.channel = 'EMAIL'
 \g /dev/null
CREATE TEMP TABLE event AS
SELECT type, variant, appt_test.plan_user_event(:'app', type, user_ids => '{ann}', line_id => line::uuid, contact => contact::jsonb,
		payload => payload::jsonb) AS id
  FROM appt.notification_type t,
	LATERAL (VALUES ('known', CASE WHEN type ~ '^(CALL|TEXT_MESSAGE|VOICEMAIL|FAX|HIGH_SMS)$' THEN :'line' END,
		'{"name": "Bob", "phone": "+491700000009", "email": "bob@example.com"}', CASE WHEN type LIKE 'DAILY%' OR type LIKE 'WEBHOOK%' THEN
		'{"date": "2030-06-30", "timezone": "Europe/Berlin", "subjects": [{"code": "REMINDER", "lastError": "E1", "days": [{"date": "2030-06-30",
		"messages": 3, "sent": 2, "failed": 1}, {"date": "2030-06-29"}]}, {"code": "COMMUNICATION", "days": [{"date": "2030-06-30",
		"calls": 3}]}]}'
		ELSE '{"by": "Tom", "integration": "CRM", "result": "R1", "duration": "0:42", "pages": 3, "due": "D1", "text": "T1",
		"url": "https://v.example/1"}' END), ('unknown', NULL, NULL, NULL)) AS v (variant, line, contact, payload)
 WHERE audience = 'USERS' AND type !~ '^APPOINTMENT_|^RESPONSE$' AND (type !~ '^DAILY|^WEBHOOK' OR variant = 'known');
-- By a line, whoever owns it is told; without one, nobody: then the message is a copy of another.
INSERT INTO message SELECT n.id, e.type, n.channel, e.variant FROM event e JOIN appt.notification n ON n.user_event_id = e.id
 WHERE n.channel <> 'WEBHOOK';
SELECT pg_temp.plan('TEST', n.channel, '', n, '{"context": {"start_at": "2030-07-01T12:00:00Z"}, "user_event_id": null}')
  FROM message m JOIN appt.notification n USING (id) WHERE m.type = 'CONTACT_ASSIGNED' AND m.variant = 'known' \g /dev/null
INSERT INTO message SELECT appt_test.plan_to_address(:'app', 'CODE', c, address,
	jsonb_build_object('purpose', 'CUSTOMER', 'nonce', gen_random_uuid())), 'CODE', c, ''
  FROM (VALUES ('EMAIL', 'b@example.org'), ('SMS', '+491700000002')) t (c, address);
-- Answers to text messages, which are chosen by what came in.
INSERT INTO message SELECT appt_test.plan_to_address(:'app', 'MESSAGE', 'SMS', '+491700000002', jsonb_build_object('data',
	'{"title": "Xyz", "date": "1.7.2030", "time": "15:30", "zone": "CEST", "contactPhone": "+491700000003"}'::jsonb)), 'AUTO_REPLY', 'SMS',
	substr(key, 12)
  FROM unnest(appt_test.words_keys()) key WHERE key LIKE 'auto_reply.%';
SELECT set_eq('SELECT DISTINCT type, channel FROM message',
	$$SELECT type, c FROM appt.notification_type, unnest(channels) c WHERE c <> 'WEBHOOK' AND type <> 'MESSAGE'$$,
	'each type over each channel that has words');

CREATE TEMP TABLE said (language text, id bigint, type text, channel text, variant text, part text, said text);
CREATE FUNCTION pg_temp.say(language text) RETURNS void LANGUAGE sql AS $$
	UPDATE appt.application SET locale = $1 WHERE id = current_setting('test.app')::uuid;
	UPDATE appt.appointment SET locale = $1 WHERE application_id = current_setting('test.app')::uuid;
	UPDATE appt.notification n SET context = context || jsonb_build_object('text_body', appt_test.page_word($1, 'auto_reply.' || m.variant))
	  FROM message m WHERE m.id = n.id AND m.type = 'AUTO_REPLY';
	INSERT INTO said SELECT $1, m.id, m.type, m.channel, m.variant, p.part, c[p.number]
	  FROM message m, LATERAL (SELECT appt_test.composed(m.id) AS c OFFSET 0) c,
		(VALUES (3, 'subject'), (4, 'text_body'), (5, 'html_body')) AS p (number, part)
	 WHERE CASE m.channel WHEN 'SMS' THEN p.number = 4 WHEN 'IN_APP' THEN p.number < 5 ELSE true END$$;
SELECT pg_temp.say(language) FROM unnest(appt_test.words_languages()) language \g /dev/null

SELECT is_empty('SELECT language, type, channel, part FROM said WHERE said IS NULL', 'each is written in each language');
SELECT is_empty($$SELECT s.language, s.type, s.channel, s.variant, s.part, s.said FROM said s JOIN said e USING (id, part)
	WHERE s.language <> 'en' AND e.language = 'en' AND s.said = e.said$$, 'none is the English one');
SELECT is_empty($$SELECT language, type, channel, part, said FROM said WHERE language <> 'en'
	AND said ~ '\m(Hello|Your|your|appointment|has|been|What|Where|July|hour|Sent|Failed|Day|Add|View)\M'$$, 'no English words are in others');
SELECT is_empty($$SELECT language, type, channel, part, said FROM said WHERE said ~ '\{\{|\}\}|\[[a-z_.]+\](?!-->)'$$, 'no tag is left');
SELECT is_empty($$SELECT language, type, channel, part, said FROM said WHERE part <> 'html_body' AND said ~ '  | [,.،]|, *[,.]|""|\n\n\n|^\s|^$'$$,
	'no gaps');
SELECT is_empty($$SELECT language, type, part FROM said WHERE part = 'html_body' AND NOT xml_is_well_formed_document(replace(
	regexp_replace(regexp_replace(said, '<(meta|br|img)([^>]*)>', '<\1\2/>', 'g'), '<!DOCTYPE html>', ''), '&quot;', '&#34;'))$$,
	'HTML is well formed');
SELECT is_empty($$SELECT language, type FROM said WHERE part = 'html_body'
	AND said NOT LIKE '%<html lang="' || language || '"' || CASE language WHEN 'ar' THEN ' dir="rtl"' ELSE '' END || '>%'$$,
	'HTML says its language, and its direction where that is from right to left');
SELECT is_empty($$SELECT type FROM said WHERE part = 'html_body' AND language = 'ar' AND type !~ '^DAILY|^WEBHOOK'
	AND said ~ 'text-align:left|border-left'$$,
	'and begins at the right then');
SELECT is_empty($$SELECT s.language, s.type, s.channel, s.part FROM said s JOIN said e USING (id, part) WHERE e.language = 'en'
	AND (e.said LIKE '%Xyz%' <> (s.said LIKE '%Xyz%') OR e.said LIKE '%Qrs%' <> (s.said LIKE '%Qrs%')
		OR e.said LIKE '%Zzz%' <> (s.said LIKE '%Zzz%') OR e.said LIKE '%Bob%' <> (s.said LIKE '%Bob%')
		OR e.said LIKE '%https://v.example%' <> (s.said LIKE '%https://v.example%') OR e.said LIKE '%CRM%' <> (s.said LIKE '%CRM%'))$$,
	'each tells what the English one tells');
SELECT is_empty($$SELECT language, type, said FROM said WHERE channel = 'SMS' AND said LIKE E'%\n%'$$, 'a text message is one line');

-- Text messages: letters that cost a message of 70 characters are avoided where a language can do without.
SELECT is_empty($$SELECT language, type, variant, said FROM said WHERE channel = 'SMS' AND language NOT IN ('el', 'pl', 'ar')
	AND said ~ '[^\n\r !"#$%&''()*+,./:;<=>?@A-Za-z0-9_£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà-]'$$, 'text messages are of the GSM alphabet');
SELECT is_empty($$SELECT language, type, variant, appt_test.count_segments(said), said FROM said WHERE channel = 'SMS'
	AND appt_test.count_segments(said) > CASE WHEN language IN ('el', 'pl', 'ar') THEN 3 ELSE 2 END$$, 'and short');
SELECT is_empty($$SELECT language, key, appt_test.words_own(language, key) FROM unnest(appt_test.words_languages()) language,
	unnest(appt_test.words_keys()) key WHERE language NOT IN ('el', 'pl', 'ar') AND key ~ '^sms\.|^list\.|\.sms$|^auto_reply\.'
	AND appt_test.words_own(language, key) ~ '[^\n\r !"#$%&''()*+,./:;<=>?@A-Za-z0-9_£¥èéùìòÇØøÅåÆæßÉ¤¡ÄÖÑÜ§¿äöñüà{}^-]'$$,
	'as are their parts');

-- Dates in words of the same language.
SELECT is(left(said, length(expected)), expected, language || ': a reminder by text message')
  FROM said JOIN (VALUES ('en', 'Acme: Reminder of your appointment "Xyz", July 1, 2030, 2:00 PM GMT+2. Join:'),
	('de', 'Acme: Erinnerung an Ihren Termin "Xyz", 1. Juli 2030, 14:00 Uhr MESZ. Teilnehmen:'),
	('fr', 'Acme: Rappel de votre rendez-vous "Xyz", 1 juillet 2030 à 14:00 UTC+2. Lien :'),
	('el', 'Acme: Υπενθύμιση για το ραντεβού σας "Xyz", 1 Ιουλίου 2030, 2:00 μ.μ.'))
	AS e (language, expected) USING (language) WHERE type = 'REMINDER' AND channel = 'SMS';

-- Whose language: the recipient's, else the appointment's, else the application's; the first that has words.
CREATE FUNCTION pg_temp.heading(recipient text, appointment text, application text) RETURNS text LANGUAGE sql AS $$
	UPDATE appt.participant SET locale = $1 WHERE type = 'CUSTOMER' AND application_id = current_setting('test.app')::uuid;
	UPDATE appt.appointment SET locale = $2 WHERE application_id = current_setting('test.app')::uuid;
	UPDATE appt.application SET locale = $3 WHERE id = current_setting('test.app')::uuid;
	SELECT substring((appt_test.composed(id))[3] FROM '^[^:]*') || '|' || substring((appt_test.composed(id))[3] FROM ', (.*)$')
	  FROM message WHERE type = 'CREATE' AND channel = 'EMAIL'$$;
SELECT is(pg_temp.heading(recipient, appointment, application), expected, format('%s, %s, %s', recipient, appointment, application))
  FROM (VALUES ('en-GB', 'de', 'fr', 'Confirmed|Mon, 1 Jul 2030, 14:00'), (NULL, 'de-AT', 'fr', 'Bestätigt|Mo., 1. Juli 2030, 14:00'),
	('pt_BR', 'de', 'fr', 'Confirmado|seg., 1 de jul. de 2030, 14:00'), ('sv', 'de', 'fr', 'Bestätigt|Mo., 1. Juli 2030, 14:00'),
	('sv', 'ja', 'es', 'Confirmada|lun, 1 jul 2030, 14:00'), ('sv', 'ja', 'fi', 'Confirmed|Mon, Jul 1, 2030, 2:00 PM'))
	AS t (recipient, appointment, application, expected);

SELECT * FROM finish();
ROLLBACK;
