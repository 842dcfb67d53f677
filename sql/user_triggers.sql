/*
 * user_triggers.sql: checks of users, lines and ring groups that look at several
 * rows. Each is made once for all rows of a statement.
 */

CREATE FUNCTION appt.check_user_phones() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'check_user_phones';
COMMENT ON FUNCTION appt.check_user_phones() IS 'Refuses phone numbers of users that are those of lines of the application: 22023.';

CREATE FUNCTION appt.check_line_numbers() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'check_line_numbers';
COMMENT ON FUNCTION appt.check_line_numbers() IS 'Refuses numbers of lines that are phone numbers of users of the application: 22023.';

CREATE FUNCTION appt.unconfirm_custom_phone() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'unconfirm_custom_phone';
COMMENT ON FUNCTION appt.unconfirm_custom_phone() IS 'Makes a custom_phone that is changed unconfirmed.';

CREATE FUNCTION appt.check_list_length() RETURNS trigger
LANGUAGE C VOLATILE PARALLEL UNSAFE AS 'MODULE_PATHNAME', 'check_list_length';
COMMENT ON FUNCTION appt.check_list_length() IS
'Limits a ring group to 1,000 members, a line to 10 ring groups, 1,000 subscribed users and 1,000 numbers, and an application to 1,000 admins: PT409.';

CREATE TRIGGER unconfirm_custom_phone BEFORE UPDATE ON appt.user_profile
	FOR EACH ROW WHEN (OLD.custom_phone IS DISTINCT FROM NEW.custom_phone) EXECUTE FUNCTION appt.unconfirm_custom_phone();
COMMENT ON TRIGGER unconfirm_custom_phone ON appt.user_profile IS 'A changed custom_phone is unconfirmed.';
CREATE TRIGGER phones_added AFTER INSERT ON appt.user_profile
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_user_phones();
COMMENT ON TRIGGER phones_added ON appt.user_profile IS 'No phone number of a user is that of a line.';
CREATE TRIGGER phones_changed AFTER UPDATE ON appt.user_profile
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_user_phones();
COMMENT ON TRIGGER phones_changed ON appt.user_profile IS 'No phone number of a user is that of a line.';
CREATE TRIGGER numbers_added AFTER INSERT ON appt.line_number
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_line_numbers();
COMMENT ON TRIGGER numbers_added ON appt.line_number IS 'No number of a line is that of a user.';
CREATE TRIGGER numbers_changed AFTER UPDATE ON appt.line_number
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_line_numbers();
COMMENT ON TRIGGER numbers_changed ON appt.line_number IS 'No number of a line is that of a user.';
CREATE TRIGGER length_added AFTER INSERT ON appt.user_profile
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_added ON appt.user_profile IS 'Limits the number of admins.';
CREATE TRIGGER length_changed AFTER UPDATE ON appt.user_profile
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_changed ON appt.user_profile IS 'Limits the number of admins.';
CREATE TRIGGER length_added AFTER INSERT ON appt.ring_group_member
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_added ON appt.ring_group_member IS 'Limits the length of the list.';
CREATE TRIGGER length_changed AFTER UPDATE ON appt.ring_group_member
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_changed ON appt.ring_group_member IS 'Limits the length of the list.';
CREATE TRIGGER length_added AFTER INSERT ON appt.line_ring_group
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_added ON appt.line_ring_group IS 'Limits the length of the list.';
CREATE TRIGGER length_changed AFTER UPDATE ON appt.line_ring_group
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_changed ON appt.line_ring_group IS 'Limits the length of the list.';
CREATE TRIGGER length_added AFTER INSERT ON appt.line_subscription
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_added ON appt.line_subscription IS 'Limits the length of the list.';
CREATE TRIGGER length_changed AFTER UPDATE ON appt.line_subscription
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_changed ON appt.line_subscription IS 'Limits the length of the list.';
CREATE TRIGGER length_added AFTER INSERT ON appt.line_number
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_added ON appt.line_number IS 'Limits the length of the list.';
CREATE TRIGGER length_changed AFTER UPDATE ON appt.line_number
	REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION appt.check_list_length();
COMMENT ON TRIGGER length_changed ON appt.line_number IS 'Limits the length of the list.';
