/* consent.sql: addresses that must not be written to. */

/*
 * An address is found by a hash of it, keyed by a secret of the application that
 * never rotates: so an address that was forgotten (forget_person) stays
 * suppressed.
 */
CREATE TABLE appt.suppression (
	application_id uuid NOT NULL REFERENCES appt.application ON DELETE CASCADE,
	channel appt.channel_code NOT NULL CHECK (channel IN ('EMAIL', 'SMS')),
	address_key bytea NOT NULL CHECK (octet_length(address_key) = 32),
	address text CHECK (appt.length_is_valid(address, 8192, 'address')),
	reason appt.suppression_reason_code NOT NULL,
	source text CHECK (appt.length_is_valid(source, 8192, 'source')),
	notification_id bigint,
	created_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (application_id, channel, address_key)
);
COMMENT ON TABLE appt.suppression IS 'Addresses that an application must not write to over a channel.';
COMMENT ON COLUMN appt.suppression.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.suppression.channel IS 'EMAIL or SMS.';
COMMENT ON COLUMN appt.suppression.address_key IS 'Keyed hash of the normalized address.';
COMMENT ON COLUMN appt.suppression.address IS 'The address; NULL once it is forgotten.';
COMMENT ON COLUMN appt.suppression.reason IS 'OPTED_OUT, UNDELIVERABLE, COMPLAINED or BLOCKED.';
COMMENT ON COLUMN appt.suppression.source IS 'What suppressed it, for people; NULL means that it is not known.';
COMMENT ON COLUMN appt.suppression.notification_id IS 'Message that it was suppressed in answer to; NULL means none.';
COMMENT ON COLUMN appt.suppression.created_at IS 'When it was suppressed.';
