-- What a saved template may mention, and that all else is refused.
BEGIN;
SELECT * FROM no_plan();

SELECT is(appt.template_is_valid(template), true, template)
  FROM (VALUES
	(''), ('no tag'), ('{{firstName}} {{lastName}} {{fullName}} {{username}}'), ('{{title}} {{notes}} {{location}} {{organizer}}'),
	('{{cancelReason}} {{joinUrl}} {{icalUrl}} {{googleCalendarUrl}}'), ('{{time24}} {{time12}} {{date}} {{zone}} {{duration}}'),
		('{{applicationName}} {{code}}'),
	('{{metadata.order}} {{metadata.a.b}} {{metadata.order no}} {{participant.metadata.vip}}'),
	('{{dd-MM-yyyy}} {{EEEE d MMMM}} {{h:mm a}}'), ('{{{title}}} {{&title}} {{! anything at all }}'),
		('{{#joinUrl}}{{joinUrl}}{{/joinUrl}}{{^joinUrl}}none{{/joinUrl}}'),
	('{{#title}}{{.}}{{/title}}'), ('{{#metadata}}{{order}} {{anything}}{{#items}}{{.}}{{name}}{{/items}}{{/metadata}}'),
		('{{#metadata.items}}{{name}}{{/metadata.items}}'),
	('{{#participant.metadata}}{{key}}{{/participant.metadata}}')
  ) cases (template);
SELECT is(appt.template_is_valid(NULL), NULL, 'no template');

CREATE FUNCTION pg_temp.refusal(template text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
BEGIN
	PERFORM appt.template_is_valid(template);
	RETURN 'valid';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN state || ' ' || message || ': ' || detail;
END $$;

SELECT is(pg_temp.refusal(template), format('22023 template is not valid: The name "%s" in line %s is neither a known name nor a '
	'date pattern.', name, line), template)
  FROM (VALUES
	('{{foo}}', 'foo', 1), (E'{{title}}\n\n{{ firstname }}', 'firstname', 3), ('{{first_name}}', 'first_name', 1),
		('{{#titel}}x{{/titel}}', 'titel', 1), ('{{^titel}}x{{/titel}}', 'titel', 1),
	('{{{bar}}}', 'bar', 1), ('{{title.x}}', 'title.x', 1), ('{{organizer.id}}', 'organizer.id', 1),
		('{{metadata}}', 'metadata', 1), ('{{metadata.}}', 'metadata.', 1), ('{{metadatax}}', 'metadatax', 1),
	('{{participant}}', 'participant', 1), ('{{participant.email}}', 'participant.email', 1),
		('{{participant.metadata}}', 'participant.metadata', 1), ('{{.}}', '.', 1),
	('{{#title}}{{foo}}{{/title}}', 'foo', 1), ('{{^metadata}}{{order}}{{/metadata}}', 'order', 1),
		('{{#metadata}}{{/metadata}}{{order}}', 'order', 1),
	('{{#dd}}x{{/dd}}', 'dd', 1), ('{{dd-MM-jjjj}}', 'dd-MM-jjjj', 1), ('{{TT.MM.JJJJ}}', 'TT.MM.JJJJ', 1), ('{{add}}', 'add', 1),
		('{{start_at}}', 'start_at', 1), ('{{^title}}{{.}}{{/title}}', '.', 1)
  ) cases (template, name, line);
SELECT is(pg_temp.refusal('{{#title}}'), '22023 template is not valid: Section "title" of line 1 is not closed.', 'what does not parse');
SELECT is(pg_temp.refusal('{{> title}}'), '22023 template is not valid: Line 1 has a partial ({{>), which is not supported.', 'a partial');

-- What a template mentions, as those who gather the values ask it.
SELECT is(appt_test.template_uses(template, name), expected, format('%s in %s: %s', name, template, expected))
  FROM (VALUES
	('{{title}}', 'title', true), ('{{title}}', 'titl', false), ('{{title}}', 'titles', false),
		('{{#title}}{{/title}}', 'title', true), ('{{^title}}{{/title}}', 'title', true),
	('{{metadata.a}}', 'metadata', true), ('{{metadata.a}}', 'metadata.a', true), ('{{metadata.a}}', 'metadata.b', false),
		('{{! title }} title', 'title', false), ('{{#a}}{{{title}}}{{/a}}', 'title', true)
  ) cases (template, name, expected);
SELECT is(appt_test.template_names('{{b}}x{{#a}}{{&b}}{{{c d}}}{{/a}}{{!no}}{{ HH:mm }}'), '{b,a,b,c d,HH:mm}',
	'all names in their order');

-- The table enforces it for each of its texts.
SELECT appt.create_application(appt.create_organization('Acme'), 'Acme Bank') AS application \gset
SELECT lives_ok(format($$INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	VALUES (%L, 'REMINDER', 'EMAIL', 'en', '{{title}}', '{{date}} {{HH:mm}}', '<b>{{metadata.order}}</b>')$$, :'application'),
		'a good template is saved');
SELECT throws_ok(format($$INSERT INTO appt.template (application_id, type, channel, locale, subject, text_body, html_body)
	VALUES (%L, 'CREATE', 'EMAIL', 'en', %L, %L, %L)$$, :'application', subject, text_body, html_body), '22023',
		'template is not valid', 'refused: ' || what)
  FROM (VALUES ('a subject', '{{foo}}', 'x', 'x'), ('a text', 'x', '{{#title}}', 'x'),
  	('an HTML', 'x', 'x', '{{> x}}')) cases (what, subject, text_body, html_body);
SELECT throws_ok(format($$UPDATE appt.template SET text_body = '{{' WHERE application_id = %L$$, :'application'), '22023',
	'template is not valid', 'a change is judged too');

SELECT * FROM finish();
ROLLBACK;
