/* purpose: 0 to respond, 1 to unsubscribe. */
CREATE FUNCTION appt_test.link_token(notification_id bigint, purpose integer DEFAULT 0) RETURNS text
AS 'MODULE_PATHNAME', 'test_link_token' LANGUAGE C STRICT;
