-- The layout around texts without HTML, the application's own layout, and branding.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'Acme & Co', room_url => 'https://v.example/q/', public_url => 'https://v.example',
	locale => 'en',
	branding => '{"color": "#ffee00", "logo_url": "https://acme.example/l.png?a=1&b=2", "footer": "A <footer>",
		"address": "Main Street"}') AS app \gset
SELECT appt.set_provider(:'app', 'EMAIL', 'SMTP', 'smtp://mail.example', 'Acme <info@bank.example>') \gset
SELECT (appt.schedule_appointment(:'app', '2030-07-01 14:00Z', '1 hour', organizer_id => 'ann', title => 'A <title>',
	customer => '{"name": {"firstName": "Bob"}, "contact": {"primaryEmail": "b@example.org"}}')).id AS a \gset
SELECT id AS email FROM appt.notification WHERE appointment_id = :'a' AND type = 'CREATE' AND channel = 'EMAIL' \gset
CREATE FUNCTION pg_temp.html(id bigint) RETURNS text LANGUAGE sql AS $$SELECT (appt_test.composed(id))[5]$$;
CREATE FUNCTION pg_temp.words(id bigint) RETURNS text LANGUAGE sql AS $$SELECT (appt_test.composed(id))[4]$$;
CREATE FUNCTION pg_temp.write(type text, text_body text, html_body text DEFAULT NULL,
	locale text DEFAULT 'en') RETURNS void LANGUAGE sql AS $$
	DELETE FROM appt.template t WHERE t.type = $1 AND t.locale = $4;
	INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	SELECT id, $1, 'EMAIL', $4, CASE WHEN $1 <> 'LAYOUT' THEN 'About {{title}}' END, $2, $3 FROM appt.application$$;

-- Branding of built-in messages.
SELECT ok(html LIKE '%border-top:4px solid #ffee00%' AND html LIKE '%background:#ffee00;color:#000000%'
	AND html LIKE '%src="https://acme.example/l.png?a=1&amp;b=2" alt="Acme &amp; Co"%'
	AND html LIKE '%<bdi>Acme &amp; Co</bdi><br><bdi>A &lt;footer&gt;</bdi><br><bdi>Main Street</bdi></p>%',
	'logo, colour, footer and address')
  FROM pg_temp.html(:email) html;
SELECT ok(words LIKE E'%\nAcme & Co\nA <footer>\nMain Street\n', 'the text ends with them') FROM pg_temp.words(:email) words;
UPDATE appt.application SET branding = NULL;
SELECT ok(html LIKE '%border-top:4px solid #1a56db%' AND html LIKE '%background:#1a56db;color:#ffffff%'
	AND html NOT LIKE '%<img%', 'or appt''s own')
  FROM pg_temp.html(:email) html;
SELECT throws_ok(format('UPDATE appt.application SET branding = %L', wrong), '22023', NULL, wrong || ' is refused')
  FROM unnest('{"[]","{\"logo\": \"x\"}","{\"color\": \"red\"}","{\"color\": \"#12345\"}","{\"color\": 1}",
	"{\"logo_url\": \"http://a.example/l.png\"}","{\"logo_url\": \"javascript:alert(1)\"}",
	"{\"logo_url\": \"https://a.example/\\\"onload=\"}","{\"logo_url\": \"https://\"}","{\"footer\": \"a\\nb\"}"}'::text[]) wrong;
SELECT throws_ok(format('UPDATE appt.application SET branding = %L', jsonb_build_object(name, 'https://a.example/' || repeat('x',
	length))), '22023', NULL,
	name || ' is bounded') FROM (VALUES ('logo_url', 2048), ('footer', 1001), ('address', 1001)) t (name, length);
SELECT throws_ok(format('SELECT appt.create_application(%L, ''x'', branding => ''{"color": "blue"}'')', :'org'), '22023',
	'invalid color', 'also at creation');

-- A text without HTML, within the built-in layout.
SELECT pg_temp.write('CREATE', E'Hello {{title}},\r\n\r\none\ntwo, see https://x.example/?a=1&b=2.\n \n'
	'http://y.example/(z)\n\n<script>alert(1)</script>\n');
SELECT alike(pg_temp.html(:email), E'<!DOCTYPE html>\n<html lang="en" dir="ltr">%<title>About A &lt;title&gt;</title>%'
	|| E'<p dir="auto" style="margin:0 0 16px">Hello A &lt;title&gt;,</p>\n<p dir="auto" style="margin:0 0 16px">one<br>\ntwo, see '
	|| '<a class="k" style="color:#1a56db" href="https://x.example/?a=1&amp;b=2">https://x.example/?a=1&amp;b=2</a>.</p>%'
	|| '<a class="k" style="color:#1a56db" href="http://y.example/(z">http://y.example/(z</a>)</p>%'
	|| '&lt;script&gt;alert(1)&lt;/script&gt;</p>%Acme &amp; Co</bdi></p>%', 'paragraphs, links, and nothing that is not escaped');
SELECT alike(pg_temp.words(:email), E'Hello A <title>,%', 'the text stays as it is');
SELECT unalike(pg_temp.html(:email), '%<h1%', 'it has no heading');
SELECT pg_temp.write('CREATE', 'שלום {{{joinUrl}}} https:// http://', locale => 'he');
UPDATE appt.appointment SET locale = 'he' WHERE id = :'a';
SELECT alike(pg_temp.html(:email), '%<html lang="he" dir="rtl">%<a class="k" % https:// http://</p>%',
	'in the direction of its locale');
UPDATE appt.appointment SET locale = 'en' WHERE id = :'a';
SELECT pg_temp.write('CREATE', 'text', '<p>own</p>');
SELECT is(pg_temp.html(:email), '<p>own</p>', 'a template with HTML is as it is');
SELECT is((appt_test.composed((appt.send_message(:'app', 'EMAIL', 'x@example.org', text_body => 'x')).id))[5], NULL,
	'a message of the application, too');
SELECT is((appt_test.composed(appt.send_test_email(:'app', 'x@example.org', text_body => 'x')))[5], NULL,
	'as is the text of a test message');

-- A layout of the application's own.
SELECT pg_temp.write('LAYOUT', '[{{subject}}] {{{content}}} [{{applicationName}}]',
	'<main lang="{{locale}}">{{#heading}}<h2>{{heading}}</h2>{{/heading}}{{{content}}}<i>{{subject}}</i></main>');
SELECT is(pg_temp.html(:email), '<p>own</p>', 'is not around a template with HTML');
SELECT pg_temp.write('CREATE', 'Hi {{firstName}}');
SELECT is((appt_test.composed(:email))[4:5], ARRAY['[About A <title>] Hi Bob [Acme & Co]',
	E'<main lang="en"><p dir="auto" style="margin:0 0 16px">Hi Bob</p>\n<i>About A &lt;title&gt;</i></main>'],
	'it is around text and HTML');
DELETE FROM appt.template WHERE type = 'CREATE';
SELECT alike(pg_temp.html(:email), '<main lang="en"><h2>Your appointment is confirmed</h2><p %A &lt;title&gt;%</main>',
	'and around built-in messages');
SELECT unalike(pg_temp.html(:email), '%role="article"%', 'in place of the built-in layout');
SELECT alike(pg_temp.words(:email), '[Confirmed: A <title>,%] Hello Bob,%[Acme & Co]', 'their text, too');
SELECT is((appt_test.composed((appt.send_message(:'app', 'EMAIL', 'x@example.org', text_body => 'x')).id))[4:5], ARRAY['x',
	NULL], 'a message is as it is');
SELECT pg_temp.write('LAYOUT', 'DE {{{content}}}', NULL, 'de');
UPDATE appt.appointment SET locale = 'de-AT' WHERE id = :'a';
SELECT alike(pg_temp.words(:email), 'DE Guten Tag Bob,%', 'one for each locale');
SELECT is(pg_temp.html(:email), NULL, 'without HTML there is none');
UPDATE appt.appointment SET locale = 'en' WHERE id = :'a';
SELECT pg_temp.write('LAYOUT', '{{{content}}}', '{{#metadata.x}}' || repeat('{{{content}}}', 200) || '{{/metadata.x}}');
UPDATE appt.appointment SET metadata = jsonb_build_object('x', array_fill(true, ARRAY[100])) WHERE id = :'a';
SELECT is((appt_test.composed(:email))[1], 'TEMPLATE_ERROR', 'what grows without bound fails the message');
SELECT throws_ok(format('INSERT INTO appt.template (application_id, type, channel, locale, %s)', wrong), '23514', NULL,
	wrong || ' is refused')
  FROM (VALUES (format('text_body) VALUES (%L, ''LAYOUT'', ''EMAIL'', ''fr'', ''x''', :'app')),
	(format('text_body, html_body) VALUES (%L, ''LAYOUT'', ''EMAIL'', ''fr'', ''{{{content}}}'', ''{{content}}''', :'app')),
	(format('text_body) VALUES (%L, ''LAYOUT'', ''SMS'', ''fr'', ''{{{content}}}''', :'app')),
	(format('subject, text_body) VALUES (%L, ''LAYOUT'', ''EMAIL'', ''fr'', ''s'', ''{{{content}}}''', :'app'))) t (wrong);
SELECT throws_ok(format('INSERT INTO appt.template (application_id, type, channel, locale, text_body)
	VALUES (%L, ''LAYOUTS'', ''EMAIL'', ''fr'', ''x'')', :'app'),
	'22023', NULL, 'no other word is a type');

-- Blocks of a rule: in the content, or where the layout wants them.
DELETE FROM appt.template;
UPDATE appt.application SET branding = '{"color": "#0b6e4f"}';
UPDATE appt.rule SET buttons = '{VIEW_DETAILS}', appearance = '{"calendar_block": true}' WHERE type = 'CREATE';
SELECT pg_temp.write('CREATE', E'Hello\n\n{{{buttons}}}\n\nBye');
SELECT alike(pg_temp.html(:email), '%Hello</p>%<div style="margin:24px -4px 16px">%bgcolor="#0b6e4f"%View details%Bye</p>%',
	'a button where the text places it');
SELECT pg_temp.write('CREATE', 'Hello');
SELECT alike(pg_temp.html(:email), '%Hello</p>%View details%Acme &amp; Co</bdi></p>%', 'else after the content');
SELECT pg_temp.write('LAYOUT', '{{{content}}} | {{{buttons}}}', '{{{content}}}<hr>{{{buttons}}}');
SELECT alike(pg_temp.html(:email), '%Hello</p>%<hr>%View details%', 'or where the layout places it');
SELECT is((length(html) - length(replace(html, 'View details', ''))) / length('View details'), 1,
	'once') FROM pg_temp.html(:email) html;
SELECT matches(pg_temp.words(:email), '^Hello \| View details: https://v.example/', 'as in the text');

-- Whatever a text is made of, none takes much longer than another: the best of three.
DELETE FROM appt.template;
CREATE FUNCTION pg_temp.seconds(text_body text) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
	email bigint := (SELECT n.id FROM appt.notification n WHERE n.type = 'CREATE' AND n.channel = 'EMAIL');
	best double precision := 'Infinity';
	started timestamptz;
BEGIN
	PERFORM pg_temp.write('CREATE', text_body);
	FOR i IN 1 .. 3 LOOP
		started := clock_timestamp();
		PERFORM pg_temp.html(email);
		best := least(best, extract(epoch FROM clock_timestamp() - started));
	END LOOP;
	RETURN best;
END $$;
SELECT cmp_ok(pg_temp.seconds(repeat(hostile, 25000)), '<', 10 * pg_temp.seconds(repeat('https: ', 25000)), hostile || ' again and again')
FROM unnest('{http://,https://,http://.,http://a)}'::text[]) hostile;

-- Alarms are looked for among as many rules of a tenant at most.
DELETE FROM appt.template;
INSERT INTO appt.rule (application_id, type, channel, time_offset, enabled)
SELECT :'app', 'REMINDER', 'SMS', make_interval(secs => n), false FROM generate_series(1, 5000) n;
SELECT idx_tup_fetch + seq_tup_read AS rules_read FROM pg_stat_xact_all_tables WHERE relid = 'appt.rule'::regclass \gset
SELECT pg_temp.html(:email) IS NOT NULL \g /dev/null
SELECT cmp_ok(idx_tup_fetch + seq_tup_read - :rules_read, '<', 1100::bigint, 'of 5,000 rules a fifth is read')
FROM pg_stat_xact_all_tables WHERE relid = 'appt.rule'::regclass;

SELECT * FROM finish();
ROLLBACK;
