-- What is taken for an OAuth2 token out of an endpoint's answer, and how long it is used: until a tenth of its life is left, a
-- minute at most.
BEGIN;
SELECT no_plan();

SELECT is(c.token, 't', 'taken from ' || answer) FROM unnest(ARRAY['{"access_token": "t"}',
	'{"access_token":"t","token_type":"Bearer","expires_in":3600,"scope":"a b","more":[{"access_token":"x"}]}',
	' {"other": {"access_token": "x"}, "access_token": "t"} ', '{"access_token": "\u0074"}']) AS answer,
		appt_test.token_answer(convert_to(answer, 'UTF8')) AS c;
SELECT is(c.token, NULL, 'none in ' || coalesce(nullif(left(answer, 60), ''), 'nothing'))
	FROM unnest(ARRAY['', 'null', '{}', '[]', '"t"', '{"access_token": ""}', '{"access_token": null}',
	'{"access_token": ["t"]}', '{"access_token": {"access_token": "t"}}', '[{"access_token": "t"}]', '{"token": "t"}',
		'{"Access_Token": "t"}', '{"access_token": "t"', '{"access_token": "t"} x',
	'access_token=t&token_type=bearer', '<html>{"access_token": "t"}</html>', '{"access_token": "a b"}',
		'{"access_token": "a\r\nX-Evil: 1"}', '{"access_token": "a\nb"}',
	'{"access_token": "a\tb"}', '{"access_token": "a\u0000b"}', '{"access_token": "\u0007"}', '{"access_token": "ü"}',
		'{"access_token": "a\u2028b"}', '{"access_token": "\u007f"}',
	repeat('[', 100000), repeat('{"a":', 100000)]) AS answer, appt_test.token_answer(convert_to(answer, 'UTF8')) AS c;
SELECT is(c.token, NULL, 'none in bytes that are no text')
	FROM appt_test.token_answer('\x7b226163636573735f746f6b656e223a2274ff227d') AS c;
SELECT is(length(c.token), 6000, 'long ones are taken')
	FROM appt_test.token_answer(convert_to('{"access_token": "' || repeat('x', 6000) || '"}', 'UTF8')) AS c;

SELECT is(c.milliseconds, ms, 'expires_in ' || expires_in)
	FROM (VALUES ('3600', 3540000::bigint), ('600', 540000), ('60', 54000), ('10', 9000), ('1', 900), ('0', 0), ('-5', 0),
	('"3600"', 3540000), ('1.5', 1350),
	('1e3', 940000), ('1e300', 0), ('99999999999999999999', 0), ('"soon"', 0), ('null', 270000), ('true', 0), ('[]', 270000),
		('{"expires_in": 10}', 270000)) AS known (expires_in, ms),
	appt_test.token_answer(convert_to(format('{"access_token": "t", "expires_in": %s}', expires_in), 'UTF8')) AS c;
SELECT is(c.milliseconds, 270000::bigint, 'five minutes where it does not say') FROM appt_test.token_answer('{"access_token": "t"}') AS c;
-- Frequent changes of the client's id or secret neither fill the worker's memory nor slow others down.
SELECT is(c, (1000, true), 'a thousand are kept, and the one in use is among them') FROM appt_test.tokens_kept(3000) AS c;
SELECT is(c, (20, true), 'twenty all') FROM appt_test.tokens_kept(20) AS c;

SELECT * FROM finish();
ROLLBACK;
