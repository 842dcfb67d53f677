/* consent_functions.sql: suppressing addresses, releasing them, and opting out by a link. */

CREATE FUNCTION appt.suppress(
	application_id uuid DEFAULT NULL,
	channel text DEFAULT NULL,
	address text DEFAULT NULL,
	reason text DEFAULT 'BLOCKED') RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'suppress';
COMMENT ON FUNCTION appt.suppress(uuid, text, text, text) IS
'Forbids an application to write to an address over a channel, EMAIL or SMS, from the next claim on: OPTED_OUT, UNDELIVERABLE, COMPLAINED or BLOCKED.

Each reason is kept by itself: none hides or weakens another, and the message is stopped while any of them stops it. The same call again changes nothing. Phone numbers without a country''s code get the application''s calling_code; the case of mail addresses does not matter. 22023: another channel or reason, or no address of the channel. PT404: no such application.';

CREATE FUNCTION appt.unsuppress(
	application_id uuid DEFAULT NULL,
	channel text DEFAULT NULL,
	address text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'unsuppress';
COMMENT ON FUNCTION appt.unsuppress(uuid, text, text) IS
'Lets an application write to an address again, whatever the reasons that it was suppressed for, an opt-out included. Nothing happens if it is not suppressed. What was SUPPRESSED meanwhile stays so. 22023 and PT404: as suppress.';

CREATE FUNCTION appt.unsubscribe(token text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'unsubscribe';
COMMENT ON FUNCTION appt.unsubscribe(text) IS
'Opts out the address that a message went to, by the token of the message''s link to unsubscribe. The answer is the same however often it is called. PT404: anything but such a token.';
