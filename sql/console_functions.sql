/* console_functions.sql: the console, a page for people who look after notifications. */

CREATE FUNCTION appt.notification_series(
	since timestamptz DEFAULT NULL, until timestamptz DEFAULT NULL, step interval DEFAULT NULL, application_id uuid DEFAULT NULL,
	OUT at timestamptz, OUT type text, OUT channel text, OUT sent bigint, OUT failed bigint,
	OUT lateness_avg interval, OUT lateness_max interval)
RETURNS SETOF record LANGUAGE C STABLE ROWS 100 AS 'MODULE_PATHNAME', 'notification_series';
COMMENT ON FUNCTION appt.notification_series(timestamptz, timestamptz, interval, uuid) IS
'Lists how many messages were sent and failed, and how late they were, by step of time, type and channel.

A message counts where it was due. since begins at a full hour of UTC and until ends at one; by default they are the 24 hours until the end of this one. step is a whole number of hours, by default one. Steps without messages have no row. lateness is from when a message was due to the start of its first attempt. The figures are those of the table hourly_figure, which the worker counts: the current hour is some minutes old, or more if it has very many messages. A supervisor gets those of its application; an admin those of all applications of its organization, or of application_id.

22023: since is not before until, step is not a whole number of hours, there are more than 1,000 steps, or application_id is missing (only for callers who may name any). PT404: no such application.';

CREATE FUNCTION appt.console_state() RETURNS text LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'console_state';
COMMENT ON FUNCTION appt.console_state() IS
'Returns a short text that is another one when the notifications of the caller''s applications have changed.

For programs that show them: ask every few seconds, and read the log again if the answer is a new one. PostgREST also sends it as ETag, and answers 304 to a request whose If-None-Match has it. It may be another one although nothing has changed, at the latest after a minute.';

CREATE FUNCTION appt.console() RETURNS appt."*/*" LANGUAGE C STABLE AS 'MODULE_PATHNAME', 'console';
COMMENT ON FUNCTION appt.console() IS
'Returns the console, an HTML page for people who look after notifications.

Open it in a browser: GET /rpc/console. It asks for a token, keeps it as long as the tab is open, and reads notification_log and others by the same API, so that it shows what the token''s role may see.';
