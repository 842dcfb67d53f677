-- Segments of text messages and what they cost: pure functions, by table; prices that a provider may have.
BEGIN;
SELECT no_plan();

CREATE FUNCTION n(message text) RETURNS integer LANGUAGE sql AS $$ SELECT appt_test.count_segments(message) $$;

SELECT is(n(message), expected, explanation) FROM (VALUES
	('', 1, 'an empty text is a message'),
	('a', 1, 'one character'),
	(repeat('a', 160), 1, '160 characters fit into one'),
	(repeat('a', 161), 2, '161 need a header'),
	(repeat('a', 306), 2, '2 x 153'),
	(repeat('a', 307), 3, '2 x 153 and one more'),
	(repeat('a', 1530), 10, '10 x 153'),
	(repeat('a', 1531), 11, '10 x 153 and one more'),
	(repeat('a', 159) || E'\n', 1, 'a line feed is one unit'),
	(repeat('a', 158) || E'\r\n', 1, 'so is a carriage return'),
	(repeat('€', 80), 1, 'the euro sign takes two units'),
	(repeat('€', 80) || 'a', 2, '161 units'),
	(repeat('a', 159) || '{', 2, 'as do the others of the extension table'),
	(repeat('a', 152) || '€' || repeat('b', 151), 2, 'an escaped character that would be split begins the next part: 152 + 153'),
	(repeat('a', 152) || '€' || repeat('b', 152), 3, 'the unit that is lost counts'),
	(repeat('ä', 160), 1, 'letters with marks that the alphabet has'),
	(repeat('Δ', 160), 1, 'and the Greek capitals that it has'),
	(repeat('α', 70), 1, 'other letters need UCS-2: 70'),
	(repeat('α', 71), 2, '71'),
	(repeat('α', 134), 2, '2 x 67'),
	(repeat('α', 135), 3, '2 x 67 and one more'),
	(repeat('a', 69) || 'ç', 1, 'one such letter is enough: a small c with cedilla'),
	(repeat('a', 70) || 'ç', 2, 'makes all of them 16 bits'),
	(repeat('a', 69) || '`', 1, 'a backquote is not in the alphabet'),
	(repeat('a', 70) || '`', 2, 'of all of ASCII'),
	(repeat('a', 70) || E'\t', 2, 'nor is a tab'),
	(repeat('a', 70) || '’', 2, 'nor is a typographic apostrophe'),
	(repeat('😀', 35), 1, 'a character beyond 16 bits takes two units'),
	(repeat('😀', 35) || 'a', 2, '71 units'),
	(repeat('😀', 66), 2, 'surrogates stay together: 33 in a part'),
	(repeat('😀', 67), 3, 'so 67 need three'),
	(repeat('a', 66) || '😀' || repeat('a', 66), 3, 'one that would be split begins the next part'),
	(repeat('a', 65) || '😀' || repeat('a', 67), 2, 'one that fits does not')) AS t (message, expected, explanation);

-- Each character alone, against the table of the standard.
SELECT is(string_agg(chr(c), '' ORDER BY c) FILTER (WHERE n(repeat(chr(c), 71)) = 1),
	E'\n\r' || ' !"#$%&''()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
		|| '¡£¤¥§¿ÄÅÆÇÉÑÖØÜßàäåæèéìñòöøùüΓΔΘΛΞΠΣΦΨΩ', 'one unit each')
FROM generate_series(1, 10000) AS c WHERE n(repeat(chr(c), 160)) = 1;
SELECT is(string_agg(chr(c), '' ORDER BY c), E'\f' || '[\]^{|}~€', 'two units each')
FROM generate_series(1, 10000) AS c WHERE n(repeat(chr(c), 80)) = 1 AND n(repeat(chr(c), 81)) = 2;
SELECT is(count(*), 0::bigint, 'all others are UCS-2')
FROM generate_series(1, 10000) AS c WHERE n(repeat(chr(c), 71)) = 2 AND n(repeat(chr(c), 70)) <> 1;

-- What a message costs.
SELECT is(appt_test.charge(settings, segments), expected, settings::text || ' x ' || segments) FROM (VALUES
	('{"price": {"per_message": 0.05, "currency": "EUR"}}'::jsonb, 3, '0.05 EUR'),
	('{"price": {"per_segment": 0.0075, "currency": "USD"}}', 3, '0.0225 USD'),
	('{"price": {"per_message": 0.1, "per_segment": 0.2, "currency": "USD"}}', 1, '0.3 USD'),
	('{"price": {"per_message": 0.1, "per_segment": 0.2, "currency": "USD"}}', 0, '0.1 USD'),
	('{"price": {"per_message": 1000000, "per_segment": 0.0000000001, "currency": "JPY"}}', 10, '1000000.0000000010 JPY'),
	('{"price": {"per_message": 0, "currency": "EUR"}}', 1, '0 EUR'),
	('{}', 1, NULL), ('{"max_per_second": 1}', 1, NULL)) AS t (settings, segments, expected);

-- What a price may be.
SELECT appt.create_application(appt.create_organization('Acme'), 'Clinic', timezone => 'UTC') AS app \gset
CREATE FUNCTION set_price(application uuid, price jsonb, channel text = 'EMAIL') RETURNS uuid LANGUAGE sql AS $$
	SELECT CASE channel WHEN 'EMAIL' THEN appt.set_provider(application, 'EMAIL', 'SMTP', 'smtp://mail.example', 'a@b.example',
			settings => jsonb_build_object('price', price))
		ELSE appt.set_provider(application, 'SMS', 'HTTP', 'https://sms.example', 'Acme', settings => jsonb_build_object('price', price)) END
$$;
SELECT lives_ok(format('SELECT set_price(%L, %L, %L)', :'app', price, channel), channel || ' may have the price ' || price)
FROM unnest(ARRAY['{"per_message": 0.05, "per_segment": 0.0075, "currency": "EUR"}', '{"per_segment": 0, "currency": "USD"}',
	'{"per_message": 1000000, "currency": "JPY"}', '{"per_message": 0.0000000001, "currency": "XXX"}']) AS price,
	unnest(ARRAY['EMAIL', 'SMS']) AS channel;
SELECT throws_ok(format('SELECT set_price(%L, %L)', :'app', price), '22023', message, 'no price is ' || price) FROM (VALUES
	('0.05', 'invalid setting'), ('[]', 'invalid setting'), ('{}', 'invalid setting'), ('"0.05 EUR"', 'invalid setting'),
	('null', 'invalid setting'),
	('{"per_message": 0.05}', 'invalid setting'), ('{"currency": "EUR"}', 'invalid setting'),
	('{"per_message": -0.05, "currency": "EUR"}', 'invalid setting'),
	('{"per_message": "0.05", "currency": "EUR"}', 'invalid setting'),
	('{"per_message": null, "currency": "EUR"}', 'invalid setting'),
	('{"per_message": 1000000.01, "currency": "EUR"}', 'invalid setting'),
	('{"per_message": 1e300, "currency": "EUR"}', 'invalid setting'),
	('{"per_message": 0.00000000001, "currency": "EUR"}', 'invalid setting'),
	('{"per_message": 0.05, "currency": "eur"}', 'invalid setting'), ('{"per_message": 0.05, "currency": "EURO"}', 'invalid setting'),
	('{"per_message": 0.05, "currency": "€"}', 'invalid setting'), ('{"per_message": 0.05, "currency": null}', 'invalid setting'),
	('{"per_message": 0.05, "currency": "EUR", "per_mail": 1}', 'unknown member of a JSON object')) AS t (price, message);
SELECT throws_ok(format('UPDATE appt.provider SET settings = %L WHERE application_id = %L',
	'{"price": {"per_message": -1, "currency": "EUR"}}', :'app'), '22023', 'invalid setting', 'the table refuses it, too');

SELECT * FROM finish();
ROLLBACK;
