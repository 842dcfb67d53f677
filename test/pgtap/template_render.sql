-- Behaviour that the Mustache specification leaves open: text and HTML, falsey values, formats of values, bounds.
BEGIN;
SELECT * FROM no_plan();

-- Rows: what it shows, template, data, as text, as HTML.
SELECT is(appt.render_template(template, data::jsonb, html), CASE WHEN html THEN as_html ELSE as_text END, what || CASE WHEN html
	THEN ', as HTML' ELSE ', as text' END)
  FROM (VALUES
	('text is raw, HTML is escaped', '{{a}}', '{"a": "<b> & \"c\" ''d''"}', '<b> & "c" ''d''',
		'&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;'),
	('an unescaped name is raw in both', '{{{a}}}{{&a}}', '{"a": "<b>"}', '<b><b>', '<b><b>'),
	('an attribute cannot be left', '<a href=''{{a}}''>', '{"a": "'' onclick=''x"}', '<a href='''' onclick=''x''>',
		'<a href=''&#39; onclick=&#39;x''>'),
	('a boolean is a word', '{{a}} {{b}}', '{"a": true, "b": false}', 'true false', 'true false'),
	('a number is as precise as it was given', '{{a}} {{b}}', '{"a": 1.10, "b": 12345678901234567890.5}',
		'1.10 12345678901234567890.5', '1.10 12345678901234567890.5'),
	('an object or array is its JSON', '{{a}} {{b}}', '{"a": {"x": 1}, "b": [1, "2"]}', '{"x": 1} [1, "2"]',
		'{&quot;x&quot;: 1} [1, &quot;2&quot;]'),
	('an empty text is falsey', '{{#a}}yes{{/a}}{{^a}}no{{/a}}', '{"a": ""}', 'no', 'no'),
	('an empty object is truthy', '{{#a}}yes{{/a}}{{^a}}no{{/a}}', '{"a": {}}', 'yes', 'yes'),
	('0 is a value', '{{#a}}yes{{/a}}{{^a}}no{{/a}}', '{"a": 0}', 'yes', 'yes'),
	('what a value holds is not rendered again', '{{a}}', '{"a": "{{b}}", "b": "x"}', '{{b}}', '{{b}}'),
	('null hides what is outside', '{{#o}}{{a}}{{/o}}', '{"a": "outer", "o": {"a": null}}', '', ''),
	('a section of a text gives it to the dot', '{{#a}}[{{.}}]{{/a}}', '{"a": "<"}', '[<]', '[&lt;]'),
	('data may be an array', '{{#.}}{{.}},{{/.}}', '[1, 2]', '1,2,', '1,2,'),
	('an inverted section pushes nothing', '{{#o}}{{^a}}{{b}}{{/a}}{{/o}}', '{"o": {"b": "x"}}', 'x', 'x'),
	('keys of metadata may be anything', '{{metadata.order no}} {{metadata.größe}}',
		'{"metadata": {"order no": "7", "größe": "XL"}}', '7 XL', '7 XL'),
	('braces that are no tag are text', '{a} }} { {', '{}', '{a} }} { {', '{a} }} { {'),
	('a template without tags is itself', E'a\nb', '{}', E'a\nb', E'a\nb'),
	('the empty template is empty', '', '{"a": 1}', '', ''),
	('lines with only a section leave nothing', E'a\n  {{#b}}  \nx\n{{/b}}\nc', '{"b": true}', E'a\nx\nc', E'a\nx\nc'),
	('two tags on a line keep it', E'a\n{{#b}}{{/b}}\nc', '{"b": true}', E'a\n\nc', E'a\n\nc')
  ) cases (what, template, data, as_text, as_html), unnest('{false,true}'::boolean[]) html;

SELECT throws_ok(format('SELECT appt.render_template(%s)', arguments), '22023', 'a required argument is missing', arguments)
  FROM unnest(ARRAY['NULL, ''{}''', '''x'', NULL', '''x'', ''{}'', NULL', '''x'', ''{}'', timezone => NULL',
  	'''x'', ''{}'', locale => NULL']) arguments;

-- What went wrong, as a caller sees it.
CREATE FUNCTION pg_temp.refusal(template text, data jsonb = '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	state text;
	message text;
	detail text;
BEGIN
	PERFORM appt.render_template(template, data);
	RETURN 'rendered';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	RETURN state || ' ' || message || ': ' || detail;
END $$;

SELECT is(pg_temp.refusal(template), '22023 template is not valid: ' || detail, coalesce(what, detail))
  FROM (VALUES
	(NULL, E'a\n{{b', 'The tag in line 2 is not closed.'),
	('a tag that runs into the next', E'{{a {{b}}', 'The tag in line 1 is not closed, or its name has characters that no name has.'),
	('a tag over two lines', E'{{a\nb}}', 'The tag in line 1 is not closed, or its name has characters that no name has.'),
	(NULL, '{{{a}}', 'The tag in line 1 is not closed.'),
	('an open comment', '{{! a', 'The tag in line 1 is not closed.'),
	(NULL, E'\n\n{{ }}', 'The tag in line 3 has no name.'),
	('a section without a name', '{{#}}{{/}}', 'The tag in line 1 has no name.'),
	(NULL, E'{{#a}}\n{{#b}}\n{{/b}}', 'Section "a" of line 1 is not closed.'),
	(NULL, E'x\n{{/a}}', 'Section "a" is closed in line 2 but was not opened.'),
	(NULL, E'{{#a}}\n{{#b}}\n{{/a}}{{/b}}', 'Section "b" of line 2 is still open where "a" is closed in line 3.'),
	(NULL, '{{> a}}', 'Line 1 has a partial ({{>), which is not supported.'),
	(NULL, '{{=<% %>=}}', 'Line 1 sets delimiters ({{=), which is not supported.'),
	(NULL, '{{< a}}{{/a}}', 'Line 1 has a tag of template inheritance ({{<), which is not supported.'),
	(NULL, '{{$a}}{{/a}}', 'Line 1 has a tag of template inheritance ({{$), which is not supported.'),
	('a name of 257 bytes', '{{' || repeat('a', 257) || '}}', 'The name in line 1 is longer than 256 bytes.'),
	('65 sections deep', repeat('{{#a}}', 65) || repeat('{{/a}}', 65), 'More than 64 sections within each other in line 1.'),
	('sections without end', repeat('{{#a}}', 40000), 'More than 64 sections within each other in line 1.'),
	('braces without end', repeat('{', 250000), 'The tag in line 1 is not closed.'),
	('a template of more than 256 kB', repeat('a', 256 * 1024 + 1), 'The template is longer than 262144 bytes.')
  ) cases (what, template, detail);

-- Large templates are parsed once, too.
SELECT ok(appt_test.template_is_kept('{{#title}}' || repeat('x', kb * 1024) || '{{/title}}'), kb || ' kB are kept in the cache')
	FROM unnest(ARRAY[1, 64, 200]) AS kb;

-- Bounds that are just kept.
SELECT is(appt.render_template(repeat('{{#a}}', 64) || 'x' || repeat('{{/a}}', 64), '{"a": true}'), 'x', '64 sections deep');
SELECT is(length(appt.render_template(repeat('a', 256 * 1024), '{}')), 256 * 1024, 'a template of 256 kB');
SELECT is(length(appt.render_template(repeat('{{a}} ', 6000), '{"a": "b"}')), 12000, '6,000 tags');
SELECT is(appt.render_template('{{' || repeat('a', 256) || '}}', '{}'), '', 'a name of 256 bytes');

-- Hostile templates and data that would take very long without bounds.
SET LOCAL statement_timeout = '20s';
SELECT is(pg_temp.refusal(repeat('{{#a}}', 20) || repeat('{{/a}}', 20),
	jsonb_build_object('a', (SELECT jsonb_agg(i) FROM generate_series(1, 100) i))),
          '22023 template cannot be rendered with this data: The template takes more than 20000 steps with this data.',
          'sections over an array within each other, writing nothing');
-- Seconds with a million tags: each name is looked for in all the sections around it.
SELECT is(pg_temp.refusal(names.opening || repeat('{{absent}}', 400) || names.closing, sections.data),
          '22023 template cannot be rendered with this data: The template takes more than 20000 steps with this data.',
          	'names that are nowhere, deep inside')
  FROM (SELECT string_agg('{{#x' || i || '}}', '' ORDER BY i) AS opening,
  	string_agg('{{/x' || i || '}}', '' ORDER BY i DESC) AS closing FROM generate_series(1, 60) i) names,
       (SELECT jsonb_object_agg('x' || i, '{"a": 1}'::jsonb) AS data FROM generate_series(1, 60) i) sections;
SELECT is(pg_temp.refusal(repeat('{{dd-MM-yyyy}}', 60), '{"start_at": "2030-01-01T08:30:00Z"}'),
          '22023 template cannot be rendered with this data: The template takes more than 20000 steps with this data.',
          	'dates, of which each format may have to be made');
SELECT is(length(appt.render_template(repeat('{{dd-MM-yyyy}}', 45), '{"start_at": "2030-01-01T08:30:00Z"}')), 450, '45 dates');
SELECT is(pg_temp.refusal('{{#a}}{{#a}}{{b}}{{/a}}{{/a}}',
	jsonb_build_object('b', repeat('b', 1000000), 'a', (SELECT jsonb_agg(i) FROM generate_series(1, 100) i))),
          '22023 template cannot be rendered with this data: The result is longer than 524288 bytes.',
          'a long value, many times');
SELECT is(length(pg_temp.refusal('{{a}}', jsonb_build_object('a', repeat('b', 512 * 1024 + 1)))) < 200, true,
	'a value of more than 512 kB is refused and not quoted');

-- A query is cancelled also in the midst of it.
CREATE FUNCTION pg_temp.is_cancelled() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM appt.render_template('{{#a}}{{#a}}{{#a}}{{/a}}{{/a}}{{/a}}', jsonb_build_object('a', (SELECT jsonb_agg(i)
		FROM generate_series(1, 10) i)))
	   FROM generate_series(1, 1000000);
	RETURN false;
EXCEPTION WHEN query_canceled THEN
	RETURN true;
END $$;
-- More than the next SET takes on any machine.
SET LOCAL statement_timeout = '2s';
SELECT is(pg_temp.is_cancelled(), true, 'a long rendering can be cancelled');
SET LOCAL statement_timeout = 0;

SELECT * FROM finish();
ROLLBACK;
