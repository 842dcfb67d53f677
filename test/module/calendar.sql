CREATE FUNCTION appt_test.calendar_file(start_at timestamptz, end_at timestamptz, timezone text, title text DEFAULT 'x',
	url text DEFAULT '',
	method text DEFAULT 'PUBLISH', organizer text DEFAULT '',
		attendee text DEFAULT '') RETURNS bytea LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_calendar_file';
CREATE FUNCTION appt_test.calendar_google_url(start_at timestamptz, end_at timestamptz, timezone text, title text DEFAULT 'x',
	url text DEFAULT '',
	method text DEFAULT 'PUBLISH', organizer text DEFAULT '',
		attendee text DEFAULT '') RETURNS text LANGUAGE C STRICT AS 'MODULE_PATHNAME', 'test_calendar_google_url';
