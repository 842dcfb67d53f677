-- Which text messages are one word, and which words rules may have as codes.
BEGIN;
SELECT no_plan();
SET client_min_messages = error;

-- ---- Single words ----
SELECT is(appt_test.single_word(text), expected, quote_nullable(text)) FROM (VALUES
	('1', '1'), ('Stop', 'stop'), ('STOP', 'stop'), ('sToP', 'stop'),
	(' stop ', 'stop'), (E'\t\r\nstop\n', 'stop'), ('stop.', 'stop'), ('"STOP!!!"', 'stop'), ('(1)', '1'), ('1)', '1'), ('*1*', '1'),
	('#1', '1'), ('-stop-', 'stop'), ('<stop>', 'stop'), ('`1`', '1'), ('$1', '1'),
	('...', NULL), ('', NULL), ('   ', NULL), (E'\n', NULL),
	('1 please', NULL), ('Ok thanks', NULL), ('stop it', NULL), ('1 2', NULL), (E'1\n2', NULL), (E'stop\tnow', NULL),
	('opt-out', 'opt-out'), ('1.', '1'), ('1.5', '1.5'), ('yes!', 'yes'), ('it''s', 'it''s')) AS t (text, expected);
SELECT is(appt_test.single_word(text), expected, explanation) FROM (VALUES
	(U&'\00a0STOP\00a0', 'stop', 'no-break spaces around it'),
	(U&'STOP\2003', 'stop', 'an em space'),
	(U&'\3000STOP\3002', 'stop', 'ideographic blank and full stop'),
	(U&'\00bfSTOP\00bb', 'stop', 'punctuation of other scripts'),
	(U&'\201eSTOP\201c', 'stop', 'typographic quotes'),
	(U&'\feffSTOP', 'stop', 'a byte order mark'),
	(U&'S\200bT\200dOP', 'stop', 'invisible characters within'),
	(U&'\200fSTOP\200e', 'stop', 'marks of direction'),
	(U&'STOP\00a0NOW', NULL, 'a no-break space within'),
	(U&'\ff33\ff34\ff2f\ff30', 'stop', 'full-width letters'),
	(U&'\ff11', '1', 'a full-width digit'),
	(U&'1\fe0f\20e3', '1', 'the keycap 1'),
	(U&'\+01d7cf', '1', 'a bold mathematical 1'),
	(U&'\0661', '1', 'an Arabic-Indic 1'),
	(U&'\06f2', '2', 'a Persian 2'),
	(U&'\0967', '1', 'a Devanagari 1'),
	(U&'\0663.', '3', 'with a full stop'),
	(U&'\00c4RGER', U&'\00e4rger', 'letters of other languages'),
	(U&'A\0308RGER', U&'\00e4rger', 'composed or not'),
	(U&'STRASSE', 'strasse', 'capital letters'),
	(U&'stra\00dfe', 'strasse', 'are as those whose capitals they are'),
	(U&'\039d\0391\0399', U&'\03bd\03b1\03b9', 'Greek'),
	(U&'\0442\0430\041a', U&'\0442\0430\043a', 'Cyrillic'),
	(U&'\0053\03a4OP', U&'s\03c4op', 'a Greek letter that looks like one of STOP is another word'),
	(U&'1\+01f44d', U&'1\+01f44d', 'a picture is no punctuation')) AS t (text, expected, explanation);
SELECT is(appt_test.single_word(repeat('a', 32)), repeat('a', 32), '32 characters are a word');
SELECT is(appt_test.single_word(repeat('a', 33)), NULL, '33 are none');
SELECT is(appt_test.single_word(repeat(U&'\+01d7cf', 32)), repeat('1', 32), 'of any kind');
SELECT is(appt_test.single_word('1' || repeat(' ', 100)), '1', 'many blanks around it');
SELECT is(appt_test.single_word('1' || repeat(' ', 60000) || 'please'), NULL, 'and within');
SELECT is(appt_test.single_word(repeat(U&'\fdfa', 500)), NULL, 'characters that stand for whole sentences');
SELECT is(appt_test.single_word(repeat(U&'\0301', 500)), NULL, 'a heap of accents');

-- ---- Codes of rules ----
CREATE FUNCTION codes(codes text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN appt.reply_codes_are_valid(codes::jsonb);
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN 'refused';
END $$;
SELECT is(codes(given), expected, given) FROM (VALUES
	('{"1": "ACCEPT", "2": "RESCHEDULE", "3": "DECLINE"}', 'true'),
	('{"yes": "ACCEPT", "no": "DECLINE"}', 'true'),
	('{"ja!": "ACCEPT"}', 'true'),
	('{"1": "ACCEPT", "2": "ACCEPT"}', 'true'),
	('{}', 'true'),
	('[]', 'refused'), ('1', 'refused'), ('"1"', 'refused'), ('null', 'refused'),
	('{"1": "accept"}', 'refused'), ('{"1": "VIEW_DETAILS"}', 'refused'), ('{"1": 1}', 'refused'), ('{"1": null}', 'refused'),
	('{"1": {"a": "ACCEPT"}}', 'refused'),
	('{"": "ACCEPT"}', 'refused'), ('{"!": "ACCEPT"}', 'refused'), ('{"1 2": "ACCEPT"}', 'refused'),
	('{"123456789012345678901234567890123": "ACCEPT"}', 'refused'),
	('{"a": "ACCEPT", "A": "DECLINE"}', 'refused'), ('{"1": "ACCEPT", "1.": "ACCEPT"}', 'refused'),
	('{"1": "ACCEPT", "\u0661": "DECLINE"}', 'refused')) AS t (given, expected);
SELECT is(codes(json_build_object(word, action)::text), 'refused', format('%s is no code for %s', word, action))
FROM unnest('{STOP,STOPALL,UNSUBSCRIBE,CANCEL,END,QUIT,OPTOUT,REVOKE,START,UNSTOP,HELP,INFO}'::text[]) AS reserved,
	LATERAL (VALUES (reserved), (lower(reserved)), (initcap(reserved) || '.'), (' ' || reserved)) AS w (word),
	unnest('{ACCEPT,DECLINE,RESCHEDULE}'::text[]) AS action;
SELECT is(codes((SELECT json_object_agg(n, 'ACCEPT')::text FROM generate_series(1, count) AS n)), expected, count || ' codes')
FROM (VALUES (20, 'true'), (21, 'refused')) AS t (count, expected);

-- ---- Answers of rules ----
CREATE FUNCTION replies(replies text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	RETURN appt.auto_replies_are_valid(replies::jsonb);
EXCEPTION WHEN invalid_parameter_value THEN
	RETURN 'refused';
END $$;
SELECT is(replies(given), expected, given) FROM (VALUES
	('{"ACCEPT": "See you at {{location}}.", "DECLINE": "What a pity, {{firstName}}.", "RESCHEDULE": "We will call."}', 'true'),
	('{"DECLINE": "{{#title}}{{title}}{{/title}}"}', 'true'),
	('{}', 'true'),
	('[]', 'refused'), ('"x"', 'refused'),
	('{"accept": "x"}', 'refused'), ('{"VIEW_DETAILS": "x"}', 'refused'), ('{"STOP": "x"}', 'refused'),
	('{"ACCEPT": ""}', 'refused'), ('{"ACCEPT": null}', 'refused'), ('{"ACCEPT": 1}', 'refused'), ('{"ACCEPT": ["x"]}', 'refused'),
	('{"ACCEPT": "{{#title}}"}', 'refused'), ('{"ACCEPT": "{{title"}', 'refused'), ('{"ACCEPT": "{{no_such_name}}"}', 'refused'))
	AS t (given, expected);

-- ---- In the table ----
SELECT appt.create_organization('words') AS organization \gset
SELECT appt.create_application(:'organization', 'one', timezone => 'UTC') AS app \gset
SELECT lives_ok(format($$UPDATE appt.rule SET reply_codes = '{"1": "ACCEPT"}', auto_replies = '{"ACCEPT": "Yes."}'
	WHERE application_id = %L AND type = 'CREATE' AND channel = 'SMS'$$, :'app'), 'a rule has codes and answers');
SELECT throws_ok(format('UPDATE appt.rule SET %s WHERE application_id = %L AND channel = ''SMS''', change, :'app'), '22023', NULL, change)
FROM (VALUES ($$reply_codes = '{"STOP": "ACCEPT"}'$$), ($$reply_codes = '{"1": "STOP"}'$$), ($$auto_replies = '{"ACCEPT": "{{x"}'$$))
	AS t (change);
SELECT finish();
ROLLBACK;
