CREATE FUNCTION appt_test.single_word(text text) RETURNS text
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_single_word';
CREATE FUNCTION appt_test.proves(kind text, settings jsonb, secret text, body text, content_type text DEFAULT NULL,
	signature text DEFAULT NULL, "authorization" text DEFAULT NULL) RETURNS boolean
LANGUAGE C AS 'MODULE_PATHNAME', 'test_proves';
