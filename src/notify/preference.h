/*
 * preference.h
 *		What a user wants, as expressions of SQL: the same for planning, for
 *		judging and for showing it.
 */
#ifndef APPT_PREFERENCE_H
#define APPT_PREFERENCE_H

/*
 * The row of appt.user_preference, called f, that decides whether the user gets
 * this type at this offset over this channel is the most specific one: with
 * offset and channel, then with an offset, with a channel, with neither. `column`
 * is what to read of it; the result is NULL if there is none. `preferences` names
 * that table, or rows of it; the other arguments are expressions of SQL.
 */
#define DECIDING_PREFERENCE(column, preferences, application_id, user_id, type, time_offset, channel) \
	"(SELECT " column " FROM " preferences " f" \
	" WHERE f.application_id = " application_id " AND f.user_id = " user_id " AND f.type = " type \
	"  AND (f.time_offset IS NULL OR f.time_offset = " time_offset ")" \
	"  AND (f.channel IS NULL OR f.channel = " channel ")" \
	" ORDER BY f.time_offset IS NULL, f.channel IS NULL LIMIT 1)"

/* Does the user want it? Without a row `is_on`, the type's default. */
#define PREFERENCE(preferences, application_id, user_id, type, time_offset, channel, is_on) \
	"coalesce(" DECIDING_PREFERENCE("f.enabled", preferences, application_id, user_id, type, time_offset, channel) ", " is_on ")"

/* The number for text messages to the user of this row: its own one if it is confirmed, else the backup. */
#define USER_PHONE(profile) \
	"CASE WHEN " profile ".custom_phone_verified_at IS NOT NULL" \
	" THEN " profile ".custom_phone ELSE " profile ".backup_phone END"

/* The address of the user over a channel. */
#define USER_ADDRESS(profile, channel) \
	"CASE " channel " WHEN 'EMAIL' THEN " profile ".email" \
	" WHEN 'SMS' THEN " USER_PHONE(profile) \
	" ELSE " profile ".id END"

#endif							/* APPT_PREFERENCE_H */
