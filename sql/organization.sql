/* organization.sql: the owners of applications. */

CREATE TABLE appt.organization (
	id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
	name text NOT NULL CHECK (name <> '' AND appt.length_is_valid(name, 8192, 'name')),
	notifications_enabled boolean NOT NULL DEFAULT true,
	require_verified_sender boolean NOT NULL DEFAULT false,
	notifications_switched_at timestamptz,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appt.organization IS 'Owners of applications. Each has the global switch of notifications.';
COMMENT ON COLUMN appt.organization.id IS 'Identifier, used in functions and tokens.';
COMMENT ON COLUMN appt.organization.name IS 'Name for people; need not be unique.';
COMMENT ON COLUMN appt.organization.notifications_enabled IS
'The global switch. Scheduling an appointment copies it, and every attempt reads it again. Only set_notifications_enabled changes it.';
COMMENT ON COLUMN appt.organization.require_verified_sender IS
'True: emails are sent only through a provider whose sender address is verified.';
COMMENT ON COLUMN appt.organization.notifications_switched_at IS
'When set_notifications_enabled last changed the switch; NULL means never.';
COMMENT ON COLUMN appt.organization.created_at IS 'When the organization was created.';
