/* checks.sql: functions for the CHECK constraints of tables; each returns true or raises 22023 with the reason. */

CREATE FUNCTION appt.length_is_valid(value anyelement, most integer, name text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'length_is_valid';
COMMENT ON FUNCTION appt.length_is_valid(anyelement, integer, text) IS
'True if the text or JSON has at most that many bytes; otherwise raises 22023 with the name of the column.';

/*
 * One function for all columns of a table that calls write to: the server reads each constraint's text anew for every statement
 * that writes a row. They return false, so that the error names the constraint, or raise 22023.
 */
CREATE FUNCTION appt.appointment_is_valid(organizer_id text, title text, notes text, location text, start_at timestamptz,
	end_at timestamptz, timezone text, locale text, metadata jsonb, interaction jsonb, notification_headers jsonb,
	cancel_reason text, meeting_template_id uuid, title_for_customers text, booking_state text, notification_state text,
	changed_fields text[], told jsonb, created_by text, updated_by text) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'appointment_is_valid';
COMMENT ON FUNCTION appt.appointment_is_valid(text, text, text, text, timestamptz, timestamptz, text, text, jsonb, jsonb, jsonb,
	text, uuid, text, text, text, text[], jsonb, text, text) IS
'True if an appointment has an organizer, a finite start before a finite end, JSON objects, states exactly with a meeting template, and changed fields exactly while UPDATE_DUE; otherwise false. 22023: a value is too long, with the name of the column, or notification_headers are invalid.';

CREATE FUNCTION appt.participant_is_valid(id text, username text, first_name text, last_name text, email text, phone text,
	locale text, metadata jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'participant_is_valid';
COMMENT ON FUNCTION appt.participant_is_valid(text, text, text, text, text, text, text, jsonb) IS
'True if a participant has an id and a JSON object as metadata; otherwise false. 22023: a value is too long, with the name of the column, or the locale is unknown.';

CREATE FUNCTION appt.room_access_is_valid(ticket text, type text, url text) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'room_access_is_valid';
COMMENT ON FUNCTION appt.room_access_is_valid(text, text, text) IS
'True if the type is MULTI_USE_TICKET; otherwise false. 22023: a value is too long, with the name of the column.';

CREATE FUNCTION appt.notification_is_valid(channel text, subscription_id uuid, state text, reason text, settled_at timestamptz)
	RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'notification_is_valid';
COMMENT ON FUNCTION appt.notification_is_valid(text, uuid, text, text, timestamptz) IS
'True if a notification has a subscription exactly with the channel WEBHOOK, a reason unless it is PENDING, SENDING or SENT, and a settled_at exactly once it is neither PENDING, SENDING nor RETRYING; otherwise false.';

CREATE FUNCTION appt.duration_class(start_at timestamptz, end_at timestamptz) RETURNS smallint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'duration_class';
COMMENT ON FUNCTION appt.duration_class(timestamptz, timestamptz) IS
'Size class of a duration, for the search for overlaps: the least c such that 4^c seconds are at least the duration, and at most 22.';

CREATE FUNCTION appt.timezone_is_valid(timezone text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'timezone_is_valid';
COMMENT ON FUNCTION appt.timezone_is_valid(text) IS 'True if both PostgreSQL and ICU know the timezone; otherwise raises 22023.';

CREATE FUNCTION appt.locale_is_valid(locale text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'locale_is_valid';
COMMENT ON FUNCTION appt.locale_is_valid(text) IS
'True if ICU knows the language of the locale (en, en-GB, en_GB); otherwise raises 22023.';

CREATE FUNCTION appt.template_is_valid(template text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'template_is_valid';
COMMENT ON FUNCTION appt.template_is_valid(text) IS 'True if the template parses and uses only known names; otherwise raises 22023.';

CREATE FUNCTION appt.reply_codes_are_valid(reply_codes jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'reply_codes_are_valid';
COMMENT ON FUNCTION appt.reply_codes_are_valid(jsonb) IS
'True for an object of at most 20 words, each to ACCEPT, DECLINE or RESCHEDULE. A word has at most 32 characters and no blank; two that differ only in case, punctuation around them or the script of digits are the same. STOP and the like, START, UNSTOP, HELP and INFO are no codes. Otherwise raises 22023.';

CREATE FUNCTION appt.auto_replies_are_valid(auto_replies jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'auto_replies_are_valid';
COMMENT ON FUNCTION appt.auto_replies_are_valid(jsonb) IS
'True for an object whose members are templates by action (ACCEPT, DECLINE, RESCHEDULE); otherwise raises 22023.';

CREATE FUNCTION appt.url_is_valid(url text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'url_is_valid';
COMMENT ON FUNCTION appt.url_is_valid(text) IS
'True if appt can send to the URL: http or https, a host, no credentials; otherwise raises 22023.';

CREATE FUNCTION appt.branding_is_valid(branding jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'branding_is_valid';
COMMENT ON FUNCTION appt.branding_is_valid(jsonb) IS
'True for an object with some of logo_url, an https URL of at most 2,048 bytes, color, as #RRGGBB, and footer and address, lines of at most 1,000 bytes. Otherwise raises 22023.';

CREATE FUNCTION appt.contact_is_valid(contact jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'contact_is_valid';
COMMENT ON FUNCTION appt.contact_is_valid(jsonb) IS
'True for an object of name, phone, email and url, each optional and text of one line; the url has https, mailto or tel. Otherwise raises 22023.';

CREATE FUNCTION appt.address_is_valid(channel text, address text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'address_is_valid';
COMMENT ON FUNCTION appt.address_is_valid(text, text) IS
'True if messages can be sent to the address over EMAIL or SMS (a phone number in E.164); otherwise raises 22023.';

CREATE FUNCTION appt.preference_is_valid(type text, channel text, time_offset interval) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'preference_is_valid';
COMMENT ON FUNCTION appt.preference_is_valid(text, text, interval) IS
'True if users can switch this type on and off, over this channel and at this offset (NULL means every one); otherwise raises 22023.';

CREATE FUNCTION appt.subscription_types_are_valid(types text[]) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'subscription_types_are_valid';
COMMENT ON FUNCTION appt.subscription_types_are_valid(text[]) IS
'True if there is a type, webhooks can tell of each, and none is NULL or given twice; otherwise raises 22023.';

CREATE FUNCTION appt.appearance_is_valid(appearance jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'appearance_is_valid';
COMMENT ON FUNCTION appt.appearance_is_valid(jsonb) IS
'True for {"button_color", "button_text_color", "calendar_color", "calendar_text_color": colours as #RRGGBB, "calendar_block": boolean}, each optional; otherwise raises 22023.';

CREATE FUNCTION appt.headers_are_valid(headers jsonb, masked boolean DEFAULT false) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'headers_are_valid';
COMMENT ON FUNCTION appt.headers_are_valid(jsonb, boolean) IS
'True for an array of {"name", "value", "type"} with type DEFAULT or SECRET, or for an object of names and values. Each name may occur once; control characters are refused. With masked, the values of SECRET headers must be ********. Otherwise raises 22023.';

CREATE FUNCTION appt.provider_is_valid(channel text, kind text, url text, username text, sender text, settings jsonb) RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'provider_is_valid';
COMMENT ON FUNCTION appt.provider_is_valid(text, text, text, text, text, jsonb) IS
'True if a provider of this kind can carry the channel with these settings, as far as can be checked without sending; otherwise raises 22023.';

CREATE FUNCTION appt.page_key_is_valid(key text) RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE AS 'MODULE_PATHNAME', 'page_key_is_valid';
COMMENT ON FUNCTION appt.page_key_is_valid(text) IS 'True if pages have words of this key; otherwise raises 22023.';
