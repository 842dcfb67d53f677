-- Tokens: found by their message, proven by its application's keys, and nothing else is.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT * FROM no_plan();

SELECT appt.create_organization('org') AS org \gset
SELECT appt.create_application(:'org', 'one', public_url => 'https://api.example') AS one \gset
SELECT appt.create_application(:'org', 'two', public_url => 'https://api.example') AS two \gset
CREATE FUNCTION pg_temp.message(application uuid, participant text) RETURNS bigint LANGUAGE sql AS $$
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, type, channel, due_at, lane, state, settled_at, address)
	VALUES ($1, 'CUSTOMER', $2, 'CREATE', 'EMAIL', now(), 1, 'SENT', now(), 'a@example.com') RETURNING id$$;
SELECT pg_temp.message(:'one', 'ann') AS ann, pg_temp.message(:'one', 'bob') AS bob, pg_temp.message(:'two', 'ann') AS two_ann \gset
SELECT appt_test.link_token(:ann) AS token, appt_test.link_token(:ann, 1) AS unsubscribe,
	appt_test.link_token(:two_ann) AS two_token \gset

SELECT matches(:'token'::text, '^[A-Za-z0-9_-]{38}$', 'a token is base64url without padding');
SELECT is(appt_test.token_message(:'token'), :ann || ' 0', 'it finds its message');
SELECT is(appt_test.token_message(:'unsubscribe'), :ann || ' 1', 'the purpose is in it');
SELECT is(appt_test.token_message(:'two_token'), :two_ann || ' 0', 'as does another application''s');
SELECT is(appt_test.token_message(appt_test.link_token(:bob)), :bob || ' 0', 'each message has its own');

-- Each bit counts.
CREATE FUNCTION pg_temp.decoded(token text) RETURNS bytea LANGUAGE sql AS $$SELECT decode(translate($1, '-_', '+/') || '==', 'base64')$$;
CREATE FUNCTION pg_temp.encoded(token bytea) RETURNS text LANGUAGE sql
	AS $$SELECT rtrim(translate(encode($1, 'base64'), '+/', '-_'), '=')$$;
SELECT is(pg_temp.encoded(pg_temp.decoded(:'token')), :'token', '(tokens can be taken apart)');
SELECT is(count(appt_test.token_message(pg_temp.encoded(set_bit(pg_temp.decoded(:'token'), n,
	1 - get_bit(pg_temp.decoded(:'token'), n))))), 0::bigint,
	'a token with a wrong bit finds nothing') FROM generate_series(0, 223) n;
SELECT is(appt_test.token_message(bad), NULL, 'nor does ' || quote_literal(bad))
	FROM unnest(ARRAY['', 'x', :'token' || 'A', :'token' || '=', left(:'token', 37), left(:'token', 37) || '~', repeat('A', 38),
		repeat('-', 38),
		overlay(:'token' PLACING '+' FROM 10), 'x'' OR true --']) bad;
-- What one customer's token has does not help with another's: proof and id belong together.
SELECT is(appt_test.token_message(pg_temp.encoded(substr(pg_temp.decoded(a), 1, 4) || substr(pg_temp.decoded(b), 5, 16)
	|| substr(pg_temp.decoded(c), 21))),
	NULL, 'parts of two tokens make none')
	FROM (VALUES (appt_test.link_token(:ann), appt_test.link_token(:bob))) t(own, other),
		LATERAL (VALUES (own, own, other), (own, other, own), (other, own, other), (other, other, own)) parts(a, b, c);
UPDATE appt.notification SET recipient_id = 'bob' WHERE id = :ann;
SELECT is(appt_test.token_message(:'token'), NULL, 'it is for one recipient');
UPDATE appt.notification SET recipient_id = 'ann', application_id = :'two' WHERE id = :ann;
SELECT is(appt_test.token_message(:'token'), NULL, 'of one application');
UPDATE appt.notification SET application_id = :'one' WHERE id = :ann;
SELECT is(appt_test.token_message(:'token'), :ann || ' 0', '(it is as before)');
SELECT is(appt_test.random_tokens_found(995000), 0::bigint, 'random tokens find nothing');
SELECT is(appt_test.random_tokens_found(5000, :'one'), 0::bigint, 'not with the bytes of an application either');

-- Rotation.
SELECT lives_ok(format('SELECT appt.rotate_token_key(%L)', :'one'), 'the key rotates');
SELECT is(appt_test.token_message(:'token'), :ann || ' 0', 'earlier tokens work');
SELECT isnt(appt_test.link_token(:ann), :'token', 'the new key signs');
SELECT is(appt_test.token_message(appt_test.link_token(:ann)), :ann || ' 0', 'its tokens work, too');
SELECT is(array_agg(date_trunc('minute', expires_at - statement_timestamp() + interval '30 s') ORDER BY id),
	ARRAY['30 days'::interval, NULL], 'the earlier ones for 30 days')
	FROM appt.secret WHERE application_id = :'one' AND name = 'TOKEN_KEY';
SELECT appt_test.link_token(:ann) AS second \gset
SELECT appt.rotate_token_key(:'one', '1 day'), appt.rotate_token_key(:'one', '1 day'), appt.rotate_token_key(:'one', '1 day');
SELECT is(count(*), 4::bigint, 'at most four keys are valid') FROM appt.secret WHERE application_id = :'one' AND name = 'TOKEN_KEY';
SELECT is(appt_test.token_message(:'token'), NULL, 'a fifth ends the oldest');
SELECT is(appt_test.token_message(:'second'), :ann || ' 0', 'and no other');
SELECT is(appt_test.token_message(:'two_token'), :two_ann || ' 0', 'nor another application''s');
SELECT appt.rotate_token_key(:'one', '0');
SELECT is(appt_test.token_message(:'second'), NULL, 'an overlap of 0 ends all at once');
SELECT throws_ok(format('SELECT appt.rotate_token_key(%L, %L)', :'one', overlap), '22023', NULL, 'no overlap of ' || overlap)
	FROM unnest(ARRAY['-1 s', '1 month']) overlap;
SELECT throws_ok('SELECT appt.rotate_token_key(gen_random_uuid())', 'PT404', 'application not found', 'an application that there is not');
SELECT throws_ok('SELECT appt.rotate_token_key()', '22023', NULL, 'the application must be named');

SELECT * FROM finish();
ROLLBACK;
