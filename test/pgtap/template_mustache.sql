-- Every case of the Mustache specification that appt promises: test/mustache holds the specification's own files.
-- Each runs as HTML, which is what the specification means by interpolation.
BEGIN;
SELECT plan(4 + 110);

\set interpolation `cat test/mustache/interpolation.json`
\set sections `cat test/mustache/sections.json`
\set inverted `cat test/mustache/inverted.json`
\set comments `cat test/mustache/comments.json`

CREATE TEMP TABLE specification AS
SELECT part, number, test
  FROM (VALUES ('interpolation', :'interpolation'::jsonb), ('sections', :'sections'), ('inverted', :'inverted'),
  	('comments', :'comments')) file (part, content),
       jsonb_array_elements(content -> 'tests') WITH ORDINALITY list (test, number);

-- None is lost on the way here.
SELECT is((SELECT count(*) FROM specification WHERE part = expected.part), expected.cases, expected.part || ': cases')
  FROM (VALUES ('interpolation', 42::bigint), ('sections', 34), ('inverted', 22), ('comments', 12)) expected (part, cases);

SELECT is(appt.render_template(test ->> 'template', test -> 'data', html => true), test ->> 'expected',
          part || ': ' || (test ->> 'name') || ': ' || (test ->> 'desc'))
  FROM specification ORDER BY part, number;

SELECT * FROM finish();
ROLLBACK;
