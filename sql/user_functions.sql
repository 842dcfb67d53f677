/* user_functions.sql: what users choose. */

CREATE TYPE appt.preference_details AS (
	type text,
	description text,
	time_offset interval,
	channel text,
	enabled boolean,
	source text
);
COMMENT ON TYPE appt.preference_details IS 'A switch of a user: whether it gets notifications of a type, at an offset, over a channel.';
COMMENT ON COLUMN appt.preference_details.type IS 'Type of the notifications: see the view notification_type.';
COMMENT ON COLUMN appt.preference_details.description IS 'What they tell, as a sentence.';
COMMENT ON COLUMN appt.preference_details.time_offset IS 'Time before the start of an appointment; NULL for types that are sent at once.';
COMMENT ON COLUMN appt.preference_details.channel IS 'EMAIL, SMS or IN_APP.';
COMMENT ON COLUMN appt.preference_details.enabled IS 'True: the user gets them.';
COMMENT ON COLUMN appt.preference_details.source IS
'What decides it: DEFAULT (of the type), or a preference for the TYPE, the CHANNEL or the OFFSET; CHANNEL_OFF: the user switched the channel off; ADMINS_ONLY: they are for admins, or billing admins, and the user is none.';

CREATE TYPE appt.profile_details AS (
	application_id uuid,
	id text,
	name text,
	email text,
	backup_phone text,
	custom_phone text,
	custom_phone_verified_at timestamptz,
	channels text[],
	locale text,
	timezone text,
	is_admin boolean,
	is_billing_admin boolean,
	enabled boolean
);
COMMENT ON TYPE appt.profile_details IS 'A user: the columns of appt.user_profile.';
COMMENT ON COLUMN appt.profile_details.application_id IS 'The application that the user belongs to.';
COMMENT ON COLUMN appt.profile_details.id IS 'Identifier of the user in its application.';
COMMENT ON COLUMN appt.profile_details.name IS 'Name for people.';
COMMENT ON COLUMN appt.profile_details.email IS 'Address for EMAIL; NULL means none.';
COMMENT ON COLUMN appt.profile_details.backup_phone IS 'Number for SMS where there is no confirmed custom_phone; NULL means none.';
COMMENT ON COLUMN appt.profile_details.custom_phone IS 'Number for SMS that the user chose, used once it is confirmed; NULL means none.';
COMMENT ON COLUMN appt.profile_details.custom_phone_verified_at IS 'When custom_phone was confirmed; NULL means not yet.';
COMMENT ON COLUMN appt.profile_details.channels IS 'Channels that are on.';
COMMENT ON COLUMN appt.profile_details.locale IS 'Locale of messages to the user; NULL means the application''s.';
COMMENT ON COLUMN appt.profile_details.timezone IS 'Timezone of messages to the user; NULL means that of the appointment or the application.';
COMMENT ON COLUMN appt.profile_details.is_admin IS 'True: the user may get account-level notifications and reports.';
COMMENT ON COLUMN appt.profile_details.is_billing_admin IS 'True: an admin who also gets billing warnings.';
COMMENT ON COLUMN appt.profile_details.enabled IS 'False: the user gets no notifications.';

CREATE FUNCTION appt.user_names(application_id uuid DEFAULT NULL) RETURNS TABLE (id text, name text)
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'user_names';
COMMENT ON FUNCTION appt.user_names(uuid) IS
'Returns the ids and names of the enabled users of the application, whatever else of them the caller may not see.

An admin and an SQL application name the application. 22023: it is not named. PT404: no such application.';

CREATE FUNCTION appt.notification_preferences(user_id text DEFAULT NULL, application_id uuid DEFAULT NULL)
RETURNS SETOF appt.preference_details
LANGUAGE C STABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'notification_preferences';
COMMENT ON FUNCTION appt.notification_preferences(text, uuid) IS
'Returns what the caller gets notifications of: a row for each type, each time before an appointment, and each channel.

enabled is true if an event that concerns the user is told to it over the channel; source says what decides that. An admin names the application and, unless it means itself, the user; an SQL application names both. 22023: one of them must be named. 42501: the token names no user. PT404: no such application, or the user has no profile.';

CREATE FUNCTION appt.set_preference(
	type text DEFAULT NULL,
	enabled boolean DEFAULT NULL,
	channel text DEFAULT NULL,
	time_offset interval DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS SETOF appt.preference_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_preference';
COMMENT ON FUNCTION appt.set_preference(text, boolean, text, interval, text, uuid) IS
'Switches notifications of a type on or off: over one channel or all, at one time before an appointment or all. Returns the switches of the type, as notification_preferences.

Afterwards all that the call names is as it says, whatever was set before for single channels or times, and all else is as before. It holds from the next event on; what is planned and not yet sent is judged by it, too. Whoever is named as in notification_preferences.

22023: users get no notifications of the type, or not over this channel or at this time; type or enabled is missing. 42501: the token names no user. PT404: no such application, or the user has no profile.';

CREATE FUNCTION appt.set_channel(
	channel text DEFAULT NULL,
	enabled boolean DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS appt.profile_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_channel';
COMMENT ON FUNCTION appt.set_channel(text, boolean, text, uuid) IS
'Switches a channel of the user on or off for all types: EMAIL, SMS or IN_APP. Preferences stay as they are. SMS is on or off for custom_phone and backup_phone alike.

Whoever is named as in notification_preferences. 22023: another channel, or an argument is missing. 42501: the token names no user. PT404: no such application, or the user has no profile.';

CREATE FUNCTION appt.subscribe_line(
	line_id uuid DEFAULT NULL,
	subscribed boolean DEFAULT true,
	user_id text DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'subscribe_line';
COMMENT ON FUNCTION appt.subscribe_line(uuid, boolean, text) IS
'Lets the caller be told of what happens on a line, or no longer. Repeating it changes nothing.

A line that is personal to another user is for admins to subscribe to, who name the user; an SQL application names the user, too. 22023: an argument is missing. 42501: the token names no user. PT404: no such line, or the user has no profile. PT409: the line has 1,000 subscribed users.';

CREATE FUNCTION appt.update_profile(
	email text DEFAULT NULL,
	backup_phone text DEFAULT NULL,
	custom_phone text DEFAULT NULL,
	locale text DEFAULT NULL,
	timezone text DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS appt.profile_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'update_profile';
COMMENT ON FUNCTION appt.update_profile(text, text, text, text, text, text, uuid) IS
'Changes addresses, locale and timezone of the user. NULL leaves a value as it is, an empty text clears it.

A custom_phone that is not confirmed is sent a one-time code by SMS, also if it is given again; confirm_custom_phone takes it. Until then text messages go to backup_phone. A phone number without a country code gets the application''s calling_code. Whoever is named as in notification_preferences.

22023: no such address, locale or timezone, or the number of a line of the application. 42501: the token names no user. PT404: no such application, or the user has no profile. PT429: within 10 minutes, more than 3 requests for the number, 20 from the client''s address or 300 of the application; then nothing is changed.';

CREATE FUNCTION appt.confirm_custom_phone(
	code text DEFAULT NULL,
	user_id text DEFAULT NULL,
	application_id uuid DEFAULT NULL) RETURNS appt.profile_details
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'confirm_custom_phone';
COMMENT ON FUNCTION appt.confirm_custom_phone(text, text, uuid) IS
'Confirms the custom_phone of the user by the one-time code that was sent to it last; text messages go to it from now on.

The code is valid for 10 minutes, until it is used, another is sent to the number, or five guesses were wrong. Whoever is named as in notification_preferences. PT400: a wrong code. PT404: no such application, the user has no profile, or no number that waits to be confirmed; the code has expired, was used, was guessed at five times, was not requested, or was requested by the same transaction. 42501: the token names no user.';
