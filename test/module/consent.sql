CREATE FUNCTION appt_test.suppressed(channel text, reasons text[], is_to_user boolean, ignores_opt_out boolean, try text,
	defect text) RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_suppressed';
CREATE FUNCTION appt_test.address_key(byte integer, channel text, address text) RETURNS bytea
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_address_key';
CREATE FUNCTION appt_test.bounces_left(attempt bigint) RETURNS integer
LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_bounces_left';
