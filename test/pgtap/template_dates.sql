-- Dates in templates: PostgreSQL's offset, ICU's words.
BEGIN;
SELECT * FROM no_plan();
SET LOCAL timezone = 'UTC';

CREATE FUNCTION pg_temp.dated(template text, start_at text, timezone text, locale text = 'en') RETURNS text
LANGUAGE sql RETURN appt.render_template(template, jsonb_build_object('start_at', start_at), false, timezone, locale);

-- The seed's own example.
SELECT is(appt.render_template(E'Dear {{firstName}},\n\nThis is a reminder of your video call scheduled for {{dd-MM-yyyy}} {{time24}} {{zone}}',
                               '{"firstName": "Bobby", "start_at": "2022-01-31T19:00:00.0Z", "time24": "20:00", "zone": "CET"}',
                               	false, 'Europe/Berlin', 'en-GB'),
          E'Dear Bobby,\n\nThis is a reminder of your video call scheduled for 31-01-2022 20:00 CET', 'the seed''s example');

-- The hours around a change of clocks.
SELECT is(pg_temp.dated('{{yyyy-MM-dd HH:mm:ss}} {{XXX}}', start_at, timezone), expected, timezone || ' at ' || start_at)
  FROM (VALUES
	('Europe/Berlin', '2026-03-29T00:59:59Z', '2026-03-29 01:59:59 +01:00'),
	('Europe/Berlin', '2026-03-29T01:00:00Z', '2026-03-29 03:00:00 +02:00'),
	('Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25 02:30:00 +02:00'),
	('Europe/Berlin', '2026-10-25T01:30:00Z', '2026-10-25 02:30:00 +01:00'),
	('America/New_York', '2026-11-01T05:59:59Z', '2026-11-01 01:59:59 -04:00'),
	('America/New_York', '2026-11-01T06:00:00Z', '2026-11-01 01:00:00 -05:00'),
	('Australia/Lord_Howe', '2026-10-03T15:29:59Z', '2026-10-04 01:59:59 +10:30'),
	('Australia/Lord_Howe', '2026-10-03T15:30:00Z', '2026-10-04 02:30:00 +11:00'),
	('Asia/Kathmandu', '2026-01-01T00:00:00Z', '2026-01-01 05:45:00 +05:45'),
	('Pacific/Apia', '2011-12-30T09:59:59Z', '2011-12-29 23:59:59 -10:00'),
	('Pacific/Apia', '2011-12-30T10:00:00Z', '2011-12-31 00:00:00 +14:00'),
	('UTC', '2026-01-01T00:00:00Z', '2026-01-01 00:00:00 Z'),
	('europe/berlin', '2026-01-01T00:00:00Z', '2026-01-01 01:00:00 +01:00')
  ) cases (timezone, start_at, expected);

-- Fields and offset are PostgreSQL's in every zone that both know, also where ICU's own data say otherwise, in times past and
-- to come, before 1582 too.
CREATE TEMP TABLE instant (at timestamptz);
INSERT INTO instant VALUES ('1500-02-28 12:00Z'), ('1850-06-01 12:00Z'), ('1941-06-01 12:00Z'), ('1995-03-26 01:30Z'),
	('2022-10-30 01:30Z'),
	('2024-07-01 12:00Z'), ('2026-03-29 01:30Z'), ('2026-11-24 12:00Z'), ('2037-07-01 00:00Z'), ('2099-12-31 23:59:59Z');
CREATE TEMP TABLE zone AS SELECT name FROM pg_timezone_names WHERE appt_test.timezone_is_known(name);
-- Fewer without Debian's tzdata-legacy: 485 on sid.
SELECT cmp_ok((SELECT count(*) FROM zone), '>', 450::bigint, 'PostgreSQL and ICU share more than 450 names');
-- (Not by AT TIME ZONE: there CET, EET, MET and WET are abbreviations, without summer time.)
CREATE FUNCTION pg_temp.local_time(at timestamptz, timezone text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', timezone, true);
	RETURN to_char(at, 'YYYY-MM-DD HH24:MI:SS ') || make_interval(secs => extract(timezone FROM at));
END $$;
CREATE TEMP TABLE compared AS
SELECT name, at, rendered[1] || ' ' || rendered[2]::interval AS rendered, pg_temp.local_time(at, name) AS expected
  FROM (SELECT name, at, string_to_array(pg_temp.dated('{{yyyy-MM-dd HH:mm:ss}}|{{xxxxx}}', to_jsonb(at) #>> '{}', name),
  	'|') AS rendered FROM zone, instant) AS pieces;
SET LOCAL timezone = 'UTC';
SELECT is_empty('SELECT * FROM compared WHERE rendered IS DISTINCT FROM expected', 'fields and offset are PostgreSQL''s in every zone');
-- If ICU and PostgreSQL differ in an offset, the zone is not shown under a name with another offset.
SELECT is_empty($$
	SELECT name, at, offset_text, zone_text
	  FROM (SELECT name, at, pg_temp.dated('{{OOOO}}', to_jsonb(at) #>> '{}', name) AS offset_text,
	               pg_temp.dated('{{zzzz}}', to_jsonb(at) #>> '{}', name) AS zone_text
	          FROM zone, instant WHERE at > '2000-01-01') AS compared
	 WHERE zone_text LIKE 'GMT_%:%' AND zone_text <> offset_text$$, 'a zone that is named by its offset has that offset');

-- Words of locales; the same instant throughout.
SELECT is(pg_temp.dated(template, '2026-03-29T13:30:00Z', 'Europe/Berlin', locale), expected, locale || ': ' || template)
  FROM (VALUES
	('en', '{{EEEE d MMMM}}', 'Sunday 29 March'),
	('en', '{{h:mm a}}', '3:30 PM'),
	('en', '{{MMM d, yyyy}}', 'Mar 29, 2026'),
	('en', '{{yyyyMMdd}} {{HHmm}} {{hhmma}}', '20260329 1530 0330PM'),
	('en', '{{zzzz}}', 'Central European Summer Time'),
	('de', '{{zzzz}}', 'Mitteleuropäische Sommerzeit'),
	('en-GB', '{{z}}', 'CEST'),
	('en_GB', '{{z}}', 'CEST'),
	('EN-gb', '{{z}}', 'CEST'),
	('en-GR', '{{d/M/yy}}', '29/3/26'),
	('de', '{{EEEE, d. MMMM}}', 'Sonntag, 29. März'),
	('de-AT', '{{d. MMM}}', '29. März'),
	('el', '{{EEEE d MMMM}}', 'Κυριακή 29 Μαρτίου'),
	('fr', '{{EEEE d MMMM yyyy}}', 'dimanche 29 mars 2026'),
	('ru', '{{d MMMM}}', '29 марта'),
	('he', '{{EEEE}}', 'יום ראשון'),
	('ar', '{{MMMM}}', 'مارس'),
	('ar-EG', '{{dd}}', '٢٩'),
	('fa', '{{HH:mm}}', '۱۵:۳۰'),
	('ja', '{{EEEE}}', '日曜日'),
	('th', '{{yyyy}}', '2569'),
	('zh-Hant-TW', '{{EEEE}}', '星期日'),
	('sr-Latn', '{{EEEE}}', 'nedelja')
  ) cases (locale, template, expected);

-- The named values.
SELECT is(appt_test.named_date(name, '2026-03-29T13:30:00Z', 'Europe/Berlin', locale), expected, locale || ': ' || name)
  FROM (VALUES
	('time24', 'en', '15:30'), ('time24', 'de', '15:30'), ('time24', 'fi', '15.30'),
	('time12', 'en', '3:30 PM'), ('time12', 'el', '3:30 μ.μ.'), ('time12', 'ja', '午後3:30'),
	('date', 'en', 'March 29, 2026'), ('date', 'en-GB', '29 March 2026'), ('date', 'de', '29. März 2026'),
	('date', 'el', '29 Μαρτίου 2026'), ('date', 'ja', '2026年3月29日'), ('date', 'he', '29 במרץ 2026'),
	('zone', 'en-GB', 'CEST'), ('zone', 'de', 'MESZ'), ('zone', 'en', 'GMT+2')
  ) cases (name, locale, expected);
SELECT is(appt_test.named_date('zone', '2026-01-15T12:00Z', 'Europe/Berlin', 'en-GB'), 'CET', 'the zone''s name follows the clocks');
SELECT is(appt_test.named_date('zone', '2026-01-15T12:00Z', 'America/New_York', 'en'), 'EST', 'a zone that English abbreviates');
SELECT is(appt_test.named_date('zone', '2026-01-15T12:00Z', 'UTC', 'en'), 'UTC', 'UTC is called UTC');
SELECT is(appt_test.named_date('date', '2026-01-15T12:00Z', 'Mars/Olympus', 'en'), 'error: Timezone "Mars/Olympus" is not known.',
	'an unknown zone is a value, not an error');
SELECT is(appt_test.named_date('date', '2026-01-15T12:00Z', 'UTC', 'tlh'), 'error: Locale "tlh" is not known.',
	'an unknown locale is a value, not an error');
SELECT is(appt_test.named_date('date', 'infinity', 'UTC', 'en'), 'error: The instant is out of range.', 'there is no date of infinity');

-- Durations.
SELECT is(appt_test.duration(duration, locale), expected, locale || ': ' || duration)
  FROM (VALUES
	('45 minutes'::interval, 'en', '45 minutes'), ('1 hour 30 minutes', 'en', '1 hour 30 minutes'), ('1 minute', 'en', '1 minute'),
	('2 hours', 'en', '2 hours'), ('24 hours', 'en', '1 day'), ('1 day 1 hour', 'en', '1 day 1 hour'),
		('90 seconds', 'en', '1 minute 30 seconds'),
	('0', 'en', '0 minutes'), ('0.5 seconds', 'en', '0 minutes'),
	('45 minutes', 'de', '45 Minuten'), ('1 hour', 'el', '1 ώρα'), ('2 minutes', 'ru', '2 минуты'), ('5 minutes', 'ru', '5 минут'),
	('1 month', 'en', 'error: A duration is not negative and has no months.'),
		('-1 minute', 'en', 'error: A duration is not negative and has no months.')
  ) cases (duration, locale, expected);

-- Which names are date patterns: pattern letters in runs, separators, and nothing that reads like a name.
SELECT is(appt_test.is_date_pattern(pattern), true, pattern || ' is a date pattern')
  FROM (VALUES ('dd-MM-yyyy'), ('dd/MM/yyyy'), ('dd.MM.yyyy'), ('d.M.yy'), ('d.M.'), ('yyyy-MM-dd'), ('yyyyMMdd'), ('yyMMdd'),
  	('HHmm'), ('HHmmss'),
	('HH:mm'), ('H:mm'), ('h:mm a'), ('h:mma'), ('hh:mm:ss a'), ('EEEE'), ('EEE'), ('MMMM'), ('MMM'), ('LLLL'), ('yyyy'), ('dd'),
		('d'), ('M'), ('a'),
	('z'), ('zzzz'), ('VV'), ('XXX'), ('EEEE d MMMM'), ('EEEE, d MMMM yyyy'), ('HH:mm z'), ('HH:mm:ss.SSS'), ('HH:mmXXX'),
		('QQQ yyyy'), ('ww')) cases (pattern);
SELECT is(appt_test.is_date_pattern(word), false, '"' || word || '" is no date pattern')
  FROM (VALUES (''), (' '), ('.'), ('-'), ('foo'), ('bar'), ('name'), ('date'), ('day'), ('add'), ('bed'), ('dad'), ('made'),
  	('Max'), ('Email'), ('email'), ('code'),
	('x'), ('e'), ('v'), ('a.b'), ('a b'), ('a.a'), ('b.c'), ('mad.bad'), ('ddd'), ('dddd'), ('yyyyy'), ('HHH'), ('MMMMMM'), ('OO'),
		('gg'), ('rr'), ('UUU'), ('AA'), ('jj'),
	('dd dd'), ('HH:HH'), ('HH hh'), ('-dd'), ('dd-'), (' dd'), ('dd''x'''), ('yyyy"MM'), ('dd_MM'), ('dd\MM'), ('dd;MM'),
		('ddTHH'), ('EEEd'), ('ha'), ('dß'),
	(repeat('d', 100)), (repeat('d.', 40))) cases (word);
SELECT is(pg_temp.dated('{{foo}}{{date}}{{add}}{{x}}|', '2026-01-01T00:00Z', 'UTC'), '|', 'what is no pattern is a missing name');
SELECT is(appt.render_template('{{dd}}|', '{}'), '|', 'without start_at there is no date');
SELECT is(appt.render_template('{{dd}}|', '{"start_at": null}'), '|', 'a start_at of null is none');
SELECT is(appt.render_template('{{dd}}|', '{"o": {"start_at": "2026-01-01T00:00Z"}}'), '|', 'start_at counts at the top level only');
SELECT is(appt.render_template('{{dd}} {{#o}}{{MM}} {{dd}}{{/o}}',
	'{"dd": "data", "o": {"MM": "inner"}, "start_at": "2026-01-01T00:00Z"}'), 'data inner data', 'data goes before dates');
SELECT is(appt.render_template('{{#o}}{{MM}}{{/o}}{{#dd}}x{{/dd}}{{^dd}}y{{/dd}}',
	'{"o": [1, 2], "start_at": "2026-02-01T00:00Z"}'), '0202y', 'dates are values, also within sections, and never sections');
SELECT is(appt.render_template('{{h a}}', '{"start_at": "2026-01-01T13:00Z"}', true), '1 PM', 'dates are escaped like all values');

-- ISO 8601.
SELECT is(appt_test.parse_instant(text, 'Europe/Berlin'), expected, text)
  FROM (VALUES
	('2022-01-31T19:00:00.0Z', '2022-01-31 19:00:00+00'), ('2022-01-31T19:00:00Z', '2022-01-31 19:00:00+00'),
		('2022-01-31T19:00Z', '2022-01-31 19:00:00+00'),
	('2022-01-31T19:00:00.123456+00:00', '2022-01-31 19:00:00.123456+00'), ('2022-01-31T19:00:00,5Z', '2022-01-31 19:00:00.5+00'),
	('2022-01-31T19:00:00.1234569Z', '2022-01-31 19:00:00.123456+00'),
		('2022-01-31T19:00:59.9999999Z', '2022-01-31 19:00:59.999999+00'), ('0000-01-01T00:00Z', '0001-01-01 00:00:00+00 BC'),
	('2022-01-31 19:00:00+02', '2022-01-31 17:00:00+00'), ('2022-01-31T19:00:00-05:30', '2022-02-01 00:30:00+00'),
		('2022-01-31T19:00:00+0530', '2022-01-31 13:30:00+00'),
	('20220131T190000Z', '2022-01-31 19:00:00+00'), ('20220131T1900Z', '2022-01-31 19:00:00+00'),
	('2022-01-31T24:00:00Z', '2022-02-01 00:00:00+00'), ('2024-02-29T00:00Z', '2024-02-29 00:00:00+00'),
	('2022-01-31T19:00:00', '2022-01-31 18:00:00+00'), ('2022-07-31T19:00', '2022-07-31 17:00:00+00'),
		('2022-07-31', '2022-07-30 22:00:00+00')
  ) cases (text, expected);
SELECT is(appt_test.parse_instant(text, 'Europe/Berlin'), format('error: "%s" is not an ISO 8601 date and time.', text),
	'"' || text || '" is no instant')
  FROM (VALUES (''), ('now'), ('tomorrow'), ('infinity'), ('epoch'), ('2022'), ('2022-01'), ('2022-1-31'), ('2022-13-01'),
  	('2022-02-29'), ('2022-00-10'), ('2022-01-00'),
	('2022-01-31T'), ('2022-01-31T19'), ('2022-01-31T19:00:'), ('2022-01-31T25:00Z'), ('2022-01-31T24:01Z'), ('2022-01-31T19:60Z'),
		('2022-01-31T19:00:61Z'),
	('2022-01-31T19:00:00.Z'), ('2022-01-31T19:00Zx'), ('2022-01-31T19:00 Z'), ('2022-01-31T19:00 UTC'), ('2022-01-31T19:00+1'),
		('2022-01-31T19:00+16:00'),
	('2022-01-31T19:00+02:60'), (' 2022-01-31T19:00Z'), ('2022-01-31T19:00Z '), ('31-01-2022'), ('01/31/2022'), ('1643655600'),
		('2022-0131T1900Z'),
	-- These the server's own parser takes, or raises an error for.
	('2022-01-31T19:00Z9'), ('2022-01-31T19:0015'), ('2022-01--31T19:00Z'), ('2022-01-31T19:Z00Z'), ('2022-01-31T:19:00Z'),
		('2022,131T190000Z'), ('2022-01-31 z19:00+02'),
	('2022-01-31T19:00Z0+02')) cases (text);
SELECT is(appt_test.parse_instant('999999-01-01T00:00Z', 'UTC'), 'error: "999999-01-01T00:00Z" is out of range.',
	'later than PostgreSQL''s time');

-- Timezones and locales that are none.
SELECT is(appt_test.timezone_is_known(name), false, '"' || left(name, 30) || '" is no timezone')
  FROM (VALUES (''), (' '), ('foo3'), ('Foo/Bar'), ('GMT+3'), ('GMT+03:00'), ('UTC+3'), ('+02'), ('<+02>-2'), ('CET-1CEST'),
  	('posix/Europe/Berlin'), ('right/UTC'), ('localtime'), ('posixrules'),
	('Europe'), ('Europe/'), ('Europe/Berlin '), ('../../../etc/passwd'), ('/etc/localtime'), ('Europe/../UTC'), (E'UTC\n'),
		('Zürich'), ('unk'), ('Etc/Unknown'), (repeat('A', 10000))) cases (name);
SELECT is(appt_test.timezone_is_known(name), true, '"' || name || '" is a timezone')
  FROM (VALUES ('UTC'), ('Etc/UTC'), ('GMT'), ('Europe/Athens'), ('america/argentina/buenos_aires'), ('Etc/GMT+12'),
  	('Europe/Kyiv'), ('Europe/Kiev'), ('EST5EDT'), ('Asia/Calcutta')) cases (name);
SELECT is(appt_test.locale_is_known(name), false, '"' || left(name, 30) || '" is no locale')
  FROM (VALUES (''), ('e'), ('xx'), ('english'), ('C'), ('POSIX'), ('root'), ('und'), ('en-'), ('-GB'), ('en--GB'), ('en-XX'),
  	('en-999'), ('en-Latn-GB-x'), ('en_US.UTF-8'), ('en@calendar=buddhist'), ('de-u-ca-buddhist'),
	('en-Cyrl'), ('en GB'), ('ελ'), (repeat('en-', 1000))) cases (name);
SELECT is(appt_test.locale_is_known(name), true, '"' || name || '" is a locale')
  FROM (VALUES ('en'), ('en-GB'), ('en_GB'), ('EN_gb'), ('en-GR'), ('el'), ('el-GR'), ('zh-Hant-TW'), ('sr_Latn_RS'), ('es-419'),
  	('en-001'), ('iw'), ('he'), ('fil'), ('no'), ('nb')) cases (name);

-- As render_template says it.
SELECT throws_ok($$SELECT appt.render_template('x', '{}', false, 'foo3')$$, '22023', 'timezone is not known',
	'render_template refuses an unknown timezone');
SELECT throws_ok($$SELECT appt.render_template('x', '{}', false, 'UTC', 'xx')$$, '22023', 'locale is not known',
	'render_template refuses an unknown locale');
SELECT throws_ok(format('SELECT appt.render_template(%L, %L)', 'x', data), '22023', 'template cannot be rendered with this data',
	'render_template refuses ' || data)
  FROM (VALUES ('{"start_at": "tomorrow"}'), ('{"start_at": 1643655600}'), ('{"start_at": {}}'), ('{"start_at": ""}')) cases (data);

-- Fallback.
SELECT is(appt_test.locale_fallbacks(locale, application_locale), expected::text[],
	format('%s, then %s', coalesce(locale, 'none'), coalesce(application_locale, 'none')))
  FROM (VALUES
	('en-GB', 'el-GR', '{en-GB,en,el-GR,el}'), ('en_gb', 'EL', '{en-GB,en,el}'), ('en', 'en', '{en}'),
		('en-GB', 'en-US', '{en-GB,en,en-US}'),
	('zh-Hant-TW', 'sr-Latn-RS', '{zh-Hant-TW,zh-Hant,zh,sr-Latn-RS,sr-Latn,sr}'), (NULL, 'de', '{de}'), ('de', NULL, '{de}'),
		(NULL, NULL, '{}'),
	('nonsense', 'de', '{de}')
  ) cases (locale, application_locale, expected);

SELECT * FROM finish();
ROLLBACK;
