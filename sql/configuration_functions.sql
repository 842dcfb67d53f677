/* configuration_functions.sql: setting up organizations, applications, subscriptions and providers. */

CREATE FUNCTION appt.create_organization(name text DEFAULT NULL) RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_organization';
COMMENT ON FUNCTION appt.create_organization(text) IS
'Creates an organization and returns its id.

The first organization makes this database the one that sends; a copy of the database does not send, see adopt_database. Names need not be unique. 22023: an empty name.';

CREATE FUNCTION appt.set_notifications_enabled(organization_id uuid DEFAULT NULL, enabled boolean DEFAULT NULL) RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_notifications_enabled';
COMMENT ON FUNCTION appt.set_notifications_enabled(uuid, boolean) IS
'Switches all notifications of an organization on or off.

Off stops everything at once, including retries and webhooks. What falls due while the switch is off is SUPPRESSED and is not sent later. Appointments that are scheduled while it is off never send notifications. PT404: no such organization.';

CREATE FUNCTION appt.create_application(
	organization_id uuid DEFAULT NULL,
	name text DEFAULT NULL,
	platform text DEFAULT 'STANDALONE',
	auto_activate boolean DEFAULT true,
	room_activates boolean DEFAULT false,
	room_url text DEFAULT NULL,
	room_code_length integer DEFAULT NULL,
	public_url text DEFAULT NULL,
	locale text DEFAULT 'en',
	timezone text DEFAULT 'UTC',
	calling_code text DEFAULT NULL,
	max_duration interval DEFAULT '24 hours',
	end_grace interval DEFAULT '15 minutes',
	max_overlap integer DEFAULT NULL,
	organizer_exclusive boolean DEFAULT false,
	max_attempts integer DEFAULT 4,
	retry_base interval DEFAULT '10 seconds',
	retry_cap interval DEFAULT '10 minutes',
	max_concurrency integer DEFAULT NULL,
	max_per_second numeric DEFAULT NULL,
	agent_scope text DEFAULT 'APPLICATION',
	report_time time DEFAULT '07:00',
	short_url text DEFAULT NULL,
	contact jsonb DEFAULT NULL,
	one_click boolean DEFAULT true,
	suppress_undeliverable boolean DEFAULT true,
	sender_image bytea DEFAULT NULL,
	branding jsonb DEFAULT NULL) RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_application';
COMMENT ON FUNCTION appt.create_application(uuid, text, text, boolean, boolean, text, integer, text, text, text, text,
	interval, interval, integer, boolean, integer, interval, interval, integer, numeric, text, time, text, jsonb, boolean, boolean, bytea, jsonb) IS
'Creates an application with its default rules and returns its id.

The rules: every type but ROOM by webhook; CREATE, RESCHEDULE, CANCELLED and REMINDER by email; CREATE, RESCHEDULE and CANCELLED by SMS; REMINDER 1 day and 1 hour before the start. A TALKDESK application has only the webhook rules at first. The comments on the columns of appt.application explain the settings. 22023: a value that a setting cannot have. PT404: no such organization.';

CREATE FUNCTION appt.create_subscription(
	application_id uuid DEFAULT NULL,
	url text DEFAULT NULL,
	hmac_key text DEFAULT NULL,
	auth text DEFAULT 'NONE',
	username text DEFAULT NULL,
	secret text DEFAULT NULL,
	token_url text DEFAULT NULL,
	headers jsonb DEFAULT NULL,
	scope text DEFAULT NULL,
	audience text DEFAULT NULL,
	token_auth text DEFAULT 'BASIC',
	types text[] DEFAULT NULL,
	OUT id uuid, OUT hmac_key text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'create_subscription';
COMMENT ON FUNCTION appt.create_subscription(uuid, text, text, text, text, text, text, jsonb, text, text, text, text[]) IS
'Subscribes a webhook endpoint to an application''s notifications. Returns its id and the key that signs them; the key is not shown again.

auth: NONE, BASIC (username and secret) or OAUTH2 (username and secret are the id and secret of the client, token_url is the endpoint that grants client credentials; scope and audience go into the token request; token_auth, BASIC or BODY, is how the client authenticates to the token endpoint). headers: a list of {"name", "value", "type"} with type DEFAULT or SECRET, or an object of names and values. types: the types of notifications that the endpoint gets; null means those that have rules, other types go only to endpoints that name them. 22023: what cannot work. PT404: no such application.';

CREATE FUNCTION appt.rotate_subscription_key(id uuid DEFAULT NULL, overlap interval DEFAULT '1 day',
	OUT id uuid, OUT hmac_key text)
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rotate_subscription_key';
COMMENT ON FUNCTION appt.rotate_subscription_key(uuid, interval) IS
'Creates a new key for a subscription and returns it; the key is not shown again.

The previous key also signs until the overlap has passed; 0 ends it at once. At most four keys of a subscription sign at the same time: a fifth ends the oldest. PT404: no such subscription.';

CREATE FUNCTION appt.rotate_token_key(application_id uuid DEFAULT NULL, overlap interval DEFAULT '30 days') RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'rotate_token_key';
COMMENT ON FUNCTION appt.rotate_token_key(uuid, interval) IS
'Makes a new key for the links in the messages of an application.

Links of earlier messages work until the overlap has passed; 0 ends them at once. At most four keys are valid at the same time: a fifth ends the oldest. 22023: an overlap with months or below 0. PT404: no such application.';

CREATE FUNCTION appt.set_provider(
	application_id uuid DEFAULT NULL,
	channel text DEFAULT NULL,
	kind text DEFAULT NULL,
	url text DEFAULT NULL,
	sender text DEFAULT NULL,
	username text DEFAULT NULL,
	secret text DEFAULT NULL,
	settings jsonb DEFAULT NULL,
	inbound_secret text DEFAULT NULL) RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'set_provider';
COMMENT ON FUNCTION appt.set_provider(uuid, text, text, text, text, text, text, jsonb, text) IS
'Sets the provider that carries an application''s EMAIL or SMS, in place of the previous one, and returns its id.

kind: SMTP (EMAIL), TWILIO or HTTP (SMS), GENESYS_CLOUD (both), or LOG (both), which writes messages to the log and sends them to nobody: for development.
url: the mail server, the base URL of the API, or for HTTP a template of the request''s URL; LOG has none.
sender: "address" or "Name <address>" for EMAIL; for SMS a number, or another sender that the provider accepts.
username and secret: those of the account or OAuth client.
settings of all kinds: max_concurrency, max_per_second, and price, {"per_message", "per_segment", "currency"} with an ISO 4217 code, which says what an accepted message costs.
settings of SMTP: starttls (opportunistic, required or never), reply_to, list_unsubscribe, invite (false: no calendar files) and, to log in by OAuth2 token, token_url, client_id and scope.
settings of TWILIO: account_sid, status_callback and inbound_url, the URL that Twilio was given, by default public_url/in/ and the provider''s id.
settings of GENESYS_CLOUD: token_url, reply_to (EMAIL) and use_existing_active_conversation (SMS).
settings of HTTP: method, headers, content_type, body, success_status, success_path, success_value, message_id_path and inbound. inbound has the gateway''s names, or paths in JSON, for from, to, text and id of messages that come in, and for message_id, status and code of receipts; delivered and undelivered list its statuses.
settings of all that carry SMS: stop_replies (false: the carrier answers STOP, START and HELP itself).
inbound_secret proves what the provider sends of its own accord (receive_sms): for TWILIO the account''s auth token, for HTTP what the gateway sends in the header Authorization.

Of the previous provider only this is kept: the id, if it is of the same kind; and the verification of a sender with the same text, unless one of the two kinds is LOG. 22023: what cannot work. PT404: no such application.';

CREATE FUNCTION appt.adopt_database() RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'adopt_database';
COMMENT ON FUNCTION appt.adopt_database() IS
'Allows this database to send, after it was restored or copied from another.

Only the extension''s owner may call it. Make sure that the original no longer sends: both would send the same messages.';

CREATE FUNCTION appt.keep_auto_activate() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'keep_auto_activate';
COMMENT ON FUNCTION appt.keep_auto_activate() IS 'Refuses to switch auto_activate of an application off again: PT409.';
CREATE TRIGGER keep_auto_activate BEFORE UPDATE OF auto_activate ON appt.application
	FOR EACH ROW WHEN (OLD.auto_activate AND NOT NEW.auto_activate)
	EXECUTE FUNCTION appt.keep_auto_activate();
COMMENT ON TRIGGER keep_auto_activate ON appt.application IS 'auto_activate stays on once it is on.';

CREATE FUNCTION appt.reset_verification() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'reset_verification';
COMMENT ON FUNCTION appt.reset_verification() IS 'Clears verified_at of a provider when its sender changes, or its kind from or to LOG.';
CREATE TRIGGER reset_verification BEFORE UPDATE OF sender, kind ON appt.provider
	FOR EACH ROW WHEN (OLD.sender IS DISTINCT FROM NEW.sender OR (OLD.kind = 'LOG') <> (NEW.kind = 'LOG'))
	EXECUTE FUNCTION appt.reset_verification();
COMMENT ON TRIGGER reset_verification ON appt.provider IS 'A new sender is not verified, and a provider of kind LOG verifies no other.';

CREATE FUNCTION appt.keep_secrets() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'keep_secrets';
COMMENT ON FUNCTION appt.keep_secrets() IS 'Refuses changes to where and how the secrets of a subscription or provider are sent: PT409.';
CREATE TRIGGER keep_secrets BEFORE UPDATE ON appt.subscription
	FOR EACH ROW EXECUTE FUNCTION appt.keep_secrets();
COMMENT ON TRIGGER keep_secrets ON appt.subscription IS
'While a subscription has a password or secret headers, only enabled and types may change; create a new subscription instead.';
CREATE TRIGGER keep_secrets BEFORE UPDATE ON appt.provider
	FOR EACH ROW EXECUTE FUNCTION appt.keep_secrets();
COMMENT ON TRIGGER keep_secrets ON appt.provider IS
'While a provider has a password, only enabled, sender, the limits and the settings of mail headers may change; set_provider sets a new one.';

CREATE FUNCTION appt.warn_of_platform() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'warn_of_platform';
COMMENT ON FUNCTION appt.warn_of_platform() IS
'Warns when a rule or provider is stored that a TALKDESK application does not use, and when an application that has some becomes a TALKDESK application.';
CREATE TRIGGER warn_of_platform AFTER INSERT OR UPDATE OF channel, enabled ON appt.rule
	FOR EACH ROW WHEN (NEW.enabled AND NEW.channel <> 'WEBHOOK')
	EXECUTE FUNCTION appt.warn_of_platform();
COMMENT ON TRIGGER warn_of_platform ON appt.rule IS 'A TALKDESK application sends webhooks only.';
CREATE TRIGGER warn_of_platform AFTER INSERT OR UPDATE OF enabled ON appt.provider
	FOR EACH ROW WHEN (NEW.enabled)
	EXECUTE FUNCTION appt.warn_of_platform();
COMMENT ON TRIGGER warn_of_platform ON appt.provider IS 'A TALKDESK application sends webhooks only.';
CREATE TRIGGER warn_of_platform AFTER UPDATE OF platform ON appt.application
	FOR EACH ROW WHEN (NEW.platform = 'TALKDESK' AND OLD.platform <> 'TALKDESK')
	EXECUTE FUNCTION appt.warn_of_platform();
COMMENT ON TRIGGER warn_of_platform ON appt.application IS 'A TALKDESK application sends webhooks only.';
