/*
 * line_numbers.c
 *		No user gets text messages at a number of a line of its application: the
 *		line would tell its users of each, and so on without end.
 *
 * A user's number and a line's may be written at the same time, each without
 * seeing the other. So both writers lock the number first: those of users share
 * the lock, those of lines exclude them.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "commands/trigger.h"
#include "utils/rel.h"

#include "core/errors.h"
#include "core/row.h"
#include "users/changed_rows.h"

PG_FUNCTION_INFO_V1(check_user_phones);
PG_FUNCTION_INFO_V1(check_line_numbers);
PG_FUNCTION_INFO_V1(unconfirm_custom_phone);

static Statement phones_of_users = {
	"SELECT DISTINCT c.application_id, p.number FROM changed c"
	" CROSS JOIN LATERAL (VALUES (c.custom_phone), (c.backup_phone)) AS p (number) WHERE p.number IS NOT NULL",
	0, {0}, true
};

static Statement numbers_of_lines = {
	"SELECT DISTINCT c.application_id, c.number FROM changed c", 0, {0}, true
};

static Statement users_with_number_of_line = {
	"SELECT n.number FROM changed c CROSS JOIN LATERAL (VALUES (c.custom_phone), (c.backup_phone)) AS p (number)"
	" JOIN appt.line_number n ON n.application_id = c.application_id AND n.number = p.number LIMIT 1",
	0, {0}, true
};

static Statement lines_with_phone_of_user = {
	"SELECT c.number FROM changed c WHERE EXISTS (SELECT FROM appt.user_profile u"
	"  WHERE u.application_id = c.application_id AND u.custom_phone = c.number)"
	" OR EXISTS (SELECT FROM appt.user_profile u"
	"  WHERE u.application_id = c.application_id AND u.backup_phone = c.number) LIMIT 1",
	0, {0}, true
};

/*
 * appt.check_user_phones() -> trigger on user_profile, as changed_rows.h says
 *
 * 22023: a phone number of a user is that of a line. Source: people.md section 2;
 * aloware-notification-settings.txt, which sends text messages to users' own numbers.
 */
Datum
check_user_phones(PG_FUNCTION_ARGS)
{
	Call		call;

	changed_rows_begin(&call, fcinfo);
	changed_rows_lock(&phones_of_users, LOCK_PHONE_NUMBER, ShareLock);
	if (changed_rows_find(&users_with_number_of_line) > 0)
		report_invalid("phone number of a line", "%s is a number of a line of the application; messages about the line cannot go to it.",
					   next_text(ROW(0)));
	call_end(&call);
	return PointerGetDatum(NULL);
}

/*
 * appt.check_line_numbers() -> trigger on line_number, as changed_rows.h says
 *
 * 22023: the number is one that a user gets text messages at. The user is not named.
 */
Datum
check_line_numbers(PG_FUNCTION_ARGS)
{
	Call		call;

	changed_rows_begin(&call, fcinfo);
	changed_rows_lock(&numbers_of_lines, LOCK_PHONE_NUMBER, ExclusiveLock);
	if (changed_rows_find(&lines_with_phone_of_user) > 0)
		report_invalid("phone number of a user", "%s is a phone number of a user of the application; messages about the line would go to it.",
					   next_text(ROW(0)));
	call_end(&call);
	return PointerGetDatum(NULL);
}

/*
 * appt.unconfirm_custom_phone() -> trigger, BEFORE UPDATE of user_profile, for
 * rows whose custom_phone changes
 *
 * The new number is unconfirmed, whoever changes it.
 */
Datum
unconfirm_custom_phone(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	descriptor;
	Datum		null = (Datum) 0;
	bool		is_null = true;
	int			column;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_BEFORE(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("unconfirm_custom_phone is a trigger for rows that are updated")));
	descriptor = RelationGetDescr(trigger->tg_relation);
	column = SPI_fnumber(descriptor, "custom_phone_verified_at");
	return PointerGetDatum(heap_modify_tuple_by_cols(trigger->tg_newtuple, descriptor, 1, &column, &null, &is_null));
}
