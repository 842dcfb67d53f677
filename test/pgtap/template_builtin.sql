-- The built-in templates: one for every message to people, valid, without gaps, without internal data.
BEGIN;
SELECT * FROM no_plan();

CREATE TEMP TABLE builtin AS
SELECT type, channel, part, appt_test.builtin_template(type, channel, part) AS template
  FROM unnest('{CREATE,CONFIRMATION_REQUEST,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP,CODE,TEST,UPDATE,ACTIVATE}'::text[]) type,
       unnest('{EMAIL,SMS,WEBHOOK}'::text[]) channel,
       unnest('{subject,text_body,html_body}'::text[]) part;

SELECT set_eq('SELECT type, channel, part FROM builtin WHERE template IS NOT NULL',
	$$SELECT type, channel, part
	    FROM unnest('{CREATE,CONFIRMATION_REQUEST,RESCHEDULE,CANCELLED,REMINDER,ROOM,FOLLOW_UP,CODE,TEST}'::text[]) type,
	         (VALUES ('EMAIL', 'subject'), ('EMAIL', 'text_body'), ('EMAIL', 'html_body'), ('SMS', 'text_body')) parts (channel, part)$$,
	'an email has three parts, an SMS one, a webhook and what subscribers alone get none');
SELECT is_empty($$SELECT 1 FROM builtin WHERE NOT appt.template_is_valid(template)$$, 'every one could be saved');
SELECT is_empty(format('SELECT * FROM builtin WHERE appt_test.template_uses(template, %L)', name), 'none mentions ' || name)
  FROM unnest('{notes,metadata,participant,username,organizer}'::text[]) name;

\set everything '{"firstName":"Bobby","fullName":"Bobby Brown","title":"Loan & <review>","location":"Online","joinUrl":"https://v.example/j?a=1&b=2","icalUrl":"https://v.example/c.ics?x=1&y=2","googleCalendarUrl":"https://calendar.example/x?a=1&b=2","outlookCalendarUrl":"https://outlook.example/x?a=1&b=2","time":"3:30 PM","date":"March 29, 2026","shortDate":"Sun, Mar 29","fullDate":"Sunday, March 29, 2026","zone":"CEST","zoneName":"Central European Summer Time","previousDate":"Saturday, March 28, 2026","previousTime":"9:00 AM","duration":"45 minutes","applicationName":"Acme Bank","branding":{"color":"#123456","text_color":"#ffffff","logo_url":"https://acme.example/logo.png?a=1&b=2","footer":"Member of <X> & co","address":"1 Main Street"},"locale":"en","direction":"ltr","code":"123456","cancelReason":"Rain & <snow>","notes":"internal","metadata":{"crm":"internal"}}'
\set least '{"date":"March 29, 2026","shortDate":"Sun, Mar 29","fullDate":"Sunday, March 29, 2026","time":"3:30 PM","code":"123456"}'

CREATE TEMP TABLE rendered AS
SELECT type, channel, part, appt.render_template(template, :'everything', part = 'html_body') AS everything,
       appt.render_template(template, :'least', part = 'html_body') AS least,
       appt.render_template(template, '{}', part = 'html_body') AS nothing
  FROM builtin WHERE template IS NOT NULL;

-- Who, what, when, what to do.
SELECT is_empty(format($$SELECT type, channel, part, everything FROM rendered WHERE %s AND everything NOT LIKE '%%%s%%'$$, of_which,
	is_in), format('%s is in every one where %s', is_in, of_which))
  FROM (VALUES
	('Acme Bank', 'part <> ''subject'''),
	('Hello Bobby', 'channel = ''EMAIL'' AND part <> ''subject'' AND type NOT IN (''CODE'', ''TEST'')'),
	('March 29, 2026, 3:30 PM CEST', 'channel = ''SMS'' AND type NOT IN (''CODE'', ''FOLLOW_UP'', ''TEST'')'),
	('Sunday, March 29, 2026, 3:30 PM (Central European Summer Time)', 'channel = ''EMAIL'' AND part <> ''subject'' AND type NOT IN '
		'(''CODE'', ''FOLLOW_UP'', ''TEST'')'),
	('Saturday, March 28, 2026, 9:00 AM', 'channel = ''EMAIL'' AND part <> ''subject'' AND type = ''RESCHEDULE'''),
	('Member of', 'channel = ''EMAIL'' AND part <> ''subject'''),
	('1 Main Street', 'channel = ''EMAIL'' AND part <> ''subject'''),
	('src="https://acme.example/logo.png?a=1&amp;b=2" alt="Acme Bank"', 'part = ''html_body'''),
	('#123456', 'part = ''html_body'''),
	('Sun, Mar 29, 3:30 PM', 'part = ''subject'' AND type IN (''CREATE'', ''RESCHEDULE'', ''CANCELLED'', ''REMINDER'', ''ROOM'')'),
	('Loan & <review>', 'part <> ''html_body'' AND type NOT IN (''CODE'', ''TEST'')'),
	('Loan &amp; &lt;review&gt;', 'part = ''html_body'' AND type NOT IN (''CODE'', ''TEST'')'),
	('https://v.example/j?a=1&b=2', 'part = ''text_body'' AND type IN (''CREATE'', ''RESCHEDULE'', ''REMINDER'', ''ROOM'')'),
	('href="https://v.example/j?a=1&amp;b=2"', 'part = ''html_body'' AND type IN (''CREATE'', ''RESCHEDULE'', ''REMINDER'', ''ROOM'')'),
	('https://calendar.example/x?a=1&b=2', 'channel = ''EMAIL'' AND part = ''text_body'' AND type IN '
		'(''CREATE'', ''RESCHEDULE'', ''REMINDER'', ''ROOM'')'),
	('href="https://outlook.example/x?a=1&amp;b=2"',
		'part = ''html_body'' AND type IN (''CREATE'', ''RESCHEDULE'', ''REMINDER'', ''ROOM'')'),
	('href="https://v.example/c.ics?x=1&amp;y=2"',
		'part = ''html_body'' AND type IN (''CREATE'', ''RESCHEDULE'', ''REMINDER'', ''ROOM'')'),
	('Reason: Rain & <snow>', 'part = ''text_body'' AND channel = ''EMAIL'' AND type = ''CANCELLED'''),
	('Rain &amp; &lt;snow&gt;', 'part = ''html_body'' AND type = ''CANCELLED'''),
	('123456', 'part <> ''subject'' AND type = ''CODE''')
  ) cases (is_in, of_which);
SELECT is_empty($$SELECT * FROM rendered WHERE everything ~ 'v\.example|(calendar|outlook)\.example' AND type IN ('CANCELLED', 'FOLLOW_UP',
	'CODE', 'TEST')$$, 'what is cancelled or over has no link');
SELECT is_empty($$SELECT * FROM rendered WHERE part = 'subject' AND everything LIKE '%123456%'$$, 'a code is in no subject');
SELECT is_empty($$SELECT * FROM rendered WHERE everything LIKE '%internal%'$$, 'nothing internal leaks');

-- No gaps: neither with minimal data nor with none.
SELECT is_empty(format($$SELECT type, channel, part, version FROM rendered, unnest(ARRAY[least, everything]) version
	WHERE part <> 'html_body' AND version ~ '%s'$$, hole), 'no ' || what)
  FROM (VALUES ('  ', 'two spaces'), (' [,.]', 'space before a comma'), (', *,|, *\.', 'empty place between commas'),
  	('""', 'empty quotes'), ('\n\n\n', 'two empty lines'), (': *\n\n', 'label without a value'),
  	('^\s|^$', 'empty start')) cases (hole, what)
 WHERE what <> 'label without a value';
SELECT is_empty($$SELECT type, channel, part, version FROM rendered, unnest(ARRAY[least, everything, nothing]) version
	WHERE part = 'html_body' AND version ~ 'href=""|<td[^>]*></td>|<h1[^>]*></h1>'$$, 'no empty link, cell or heading');
SELECT is_empty($$SELECT type, channel, part FROM rendered, unnest(ARRAY[least, everything, nothing]) version
	WHERE version LIKE '%{{%' OR version LIKE '%}}%'$$, 'no tag is left');
SELECT is_empty($$SELECT type FROM rendered WHERE part = 'subject' AND everything ~ '[\r\n]'$$, 'a subject is one line');
SELECT is_empty($$SELECT type FROM rendered WHERE channel = 'SMS' AND least ~ '[\r\n]'$$, 'an SMS is one line');
SELECT is_empty($$SELECT type, length(everything) FROM rendered WHERE channel = 'SMS' AND length(everything) > 160$$,
	'an SMS with everything fits into one');

-- HTML that a parser takes: every element closed in order, an escaped value for each.
SELECT is_empty($$SELECT type FROM rendered, unnest(ARRAY[least, everything, nothing]) version
	WHERE part = 'html_body' AND NOT xml_is_well_formed_document(replace(regexp_replace(regexp_replace(version,
		'<(meta|br|img)([^>]*)>', '<\1\2/>', 'g'), '<!DOCTYPE html>', ''), '&quot;', '&#34;'))$$,
	'HTML is well formed');
SELECT is_empty($$SELECT type FROM rendered WHERE part = 'html_body' AND (everything !~ '<html lang="en">'
	OR everything !~ '<title>[^<]+</title>' OR least ~ '<img' OR everything ~ '<script|http-equiv|@import|url\(| on\w+=')$$,
	'HTML says its language and title, has no image but the logo, and loads nothing else');

-- Dates in them are in the language of the words: the reader's locale if there are words in its language.
SELECT is(appt_test.builtin_template_locale(locale), expected, locale)
	FROM (VALUES ('en', 'en'), ('en-GB', 'en-GB'), ('EN_us', 'EN_us'), ('sv', 'en'), ('enm', 'en'), ('sv-FI', 'en'),
	('', 'en')) cases (locale, expected);

SELECT * FROM finish();
ROLLBACK;
