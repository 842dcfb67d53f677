/* organization.sql: the owners of applications. */

CREATE TABLE appt.organization (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name text NOT NULL CHECK (name <> '' AND appt.length_is_valid(name, 8192, 'name')),
	notifications_enabled boolean NOT NULL DEFAULT true,
	require_verified_sender boolean NOT NULL DEFAULT false,
	notifications_switched_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appt.organization IS 'Owners of applications; each holds the global notification switch.';
COMMENT ON COLUMN appt.organization.notifications_enabled IS
'The global switch: captured when an appointment is scheduled and read again at every attempt. Changed by set_notifications_enabled alone.';
COMMENT ON COLUMN appt.organization.notifications_switched_at IS 'When set_notifications_enabled last changed the switch; NULL: never.';
COMMENT ON COLUMN appt.organization.require_verified_sender IS
'Email leaves only through a provider whose sender address was verified.';
COMMENT ON COLUMN appt.organization.id IS 'Names it in functions and tokens.';
COMMENT ON COLUMN appt.organization.name IS 'As people call it; need not be unique.';
COMMENT ON COLUMN appt.organization.created_at IS 'When it was created.';
