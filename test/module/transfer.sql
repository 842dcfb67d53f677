CREATE FUNCTION appt_test.exchange(messages jsonb[]) RETURNS TABLE (number integer, kind text, status_code integer, error text,
	response text, retry_after_us bigint, milliseconds bigint)
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_exchange';
CREATE FUNCTION appt_test.exchange_many(message jsonb, count integer, in_flight integer, OUT delivered integer, OUT others integer,
	OUT microseconds bigint, OUT cpu_microseconds bigint, OUT max_rss_kb bigint)
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_exchange_many';
CREATE FUNCTION appt_test.set(name text, value text) RETURNS void
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_set';
CREATE FUNCTION appt_test.abandon(message jsonb, count integer) RETURNS integer
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_abandon';
CREATE FUNCTION appt_test.withdraw(messages jsonb[]) RETURNS integer
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_withdraw';
CREATE FUNCTION appt_test.token_answer(answer bytea, OUT token text, OUT milliseconds bigint)
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_token_answer';
CREATE FUNCTION appt_test.tokens_kept(clients integer, OUT kept integer,
	OUT first_kept boolean) LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_tokens_kept';
