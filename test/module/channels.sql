CREATE FUNCTION appt_test.reachable_list_error(list text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_reachable_list_error';
CREATE FUNCTION appt_test.address_is_reachable(address text, port integer, list text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_address_is_reachable';
CREATE FUNCTION appt_test.compose(message jsonb, OUT reason text, OUT error text, OUT url text, OUT headers text[], OUT body bytea,
	OUT envelope_from text, OUT envelope_to text[], OUT starttls text, OUT username text, OUT password text, OUT method text,
		OUT token_url text)
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_compose';
CREATE FUNCTION appt_test.read_outcome(message jsonb, answer jsonb, body bytea, OUT kind text, OUT status_code integer,
	OUT error text, OUT response text, OUT retry_after_us bigint, OUT provider_message_id text, OUT final text,
	OUT has_no_mailbox boolean)
LANGUAGE C AS 'MODULE_PATHNAME', 'test_read_outcome';
CREATE FUNCTION appt_test.hex_signature(key text, content text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_hex_signature';
CREATE FUNCTION appt_test.standard_signature(key text, content text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_standard_signature';
CREATE FUNCTION appt_test.webhook_body(uid uuid, type text, payload text, at timestamptz) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_webhook_body';
CREATE FUNCTION appt_test.webhook_payload(body text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_webhook_payload';
CREATE FUNCTION appt_test.ascii_mail_address(address text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_ascii_mail_address';
CREATE FUNCTION appt_test.url_problem(url text, smtp boolean) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_url_problem';
CREATE FUNCTION appt_test.sender_problem(sender text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_sender_problem';
CREATE FUNCTION appt_test.header_problem(name text, value text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_header_problem';
CREATE FUNCTION appt_test.hmac_key_problem(key text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_hmac_key_problem';
CREATE FUNCTION appt_test.address_is_valid(channel text, address text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_address_is_valid';
CREATE FUNCTION appt_test.channel_is_available(channel text, kind text) RETURNS boolean
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_channel_is_available';
