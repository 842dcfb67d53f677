/* purpose: 0 to respond, 1 to unsubscribe. */
CREATE FUNCTION appt_test.link_token(notification_id bigint, purpose integer DEFAULT 0) RETURNS text
AS 'MODULE_PATHNAME', 'test_link_token' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.token_message(token text) RETURNS text
AS 'MODULE_PATHNAME', 'test_token_message' LANGUAGE C STRICT;
CREATE FUNCTION appt_test.random_tokens_found(count integer, application_id uuid DEFAULT NULL) RETURNS bigint
AS 'MODULE_PATHNAME', 'test_random_tokens_found' LANGUAGE C;
