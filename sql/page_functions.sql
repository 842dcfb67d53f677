/* page_functions.sql: HTML pages. */

CREATE FUNCTION appt.landing_page(token text DEFAULT NULL, action text DEFAULT NULL) RETURNS appt."*/*"
LANGUAGE C STABLE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'landing_page';
COMMENT ON FUNCTION appt.landing_page(text, text) IS
'Returns the page behind the links of a message, as HTML that any browser shows.

The token''s purpose decides what it is about. To respond: the appointment as its customer may see it, the answers that the message offered, the last answer, links for calendars, and whom to ask. What has changed since the message was sent is shown beside what it said. To unsubscribe: whether to. action, in either case, asks for one answer. The page changes nothing, whoever reads it; its form calls submit_response.

Never raises an error for its arguments: response.status is 404 for anything but a token that is genuine, and 410 once the appointment is over, with a page that shows nothing of it. Sets Content-Type, Content-Security-Policy, Referrer-Policy and Cache-Control in response.headers.';

CREATE FUNCTION appt.submit_response(
	token text DEFAULT NULL,
	action text DEFAULT NULL,
	reason text DEFAULT NULL,
	proposed_start_at text DEFAULT NULL,
	seen text DEFAULT NULL) RETURNS appt."*/*"
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'submit_response';
COMMENT ON FUNCTION appt.submit_response(text, text, text, text, text) IS
'Takes the form of landing_page: records the answer as respond does, or unsubscribes the address that the message went to, and returns the page that says so.

Empty texts are absent. action: ACCEPT, DECLINE or RESCHEDULE in either case; of a token to unsubscribe, RESUBSCRIBE takes that back, and anything else unsubscribes. proposed_start_at is in ISO 8601, without an offset in the timezone of the appointment. seen: which time and place the page showed; what has changed since is asked again.

Never raises an error for its arguments: response.status is 400 for a field that is not valid, 404 for an unknown token, 409 for what has changed, was not offered or was answered 20 times, 410 once the appointment is over, each with a page.';
