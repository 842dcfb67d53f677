/* inbound_functions.sql: what providers report: receipts of messages that they took. */

CREATE FUNCTION appt.record_receipt(
	application_id uuid DEFAULT NULL,
	provider_message_id text DEFAULT NULL,
	receipt text DEFAULT NULL,
	code text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'record_receipt';
COMMENT ON FUNCTION appt.record_receipt(uuid, text, text, text) IS
'Records what a provider reports of a text message that it took: DELIVERED or UNDELIVERED, with the provider''s code.

The message is found by the identifier that the provider gave it, which the log has as provider_message_id. The first report of each kind counts, and DELIVERED replaces UNDELIVERED, so repeated reports and their order do not matter. 22023: another receipt. PT404: no such application, or no such message yet; a report that is very quick may have to be repeated.';
