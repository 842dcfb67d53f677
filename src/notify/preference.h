/*
 * preference.h
 *		What a user wants, as expressions of SQL: the same for planning, for
 *		judging and for showing it.
 */
#ifndef APPT_PREFERENCE_H
#define APPT_PREFERENCE_H

/*
 * Does the user want this type at this offset over this channel? The most
 * specific row of appt.user_preference decides: one with offset and channel, then
 * with an offset, with a channel, with neither; without a row `is_on`, the type's
 * default. `preferences` names that table, or rows of it; the other arguments are
 * expressions of SQL.
 */
#define PREFERENCE(preferences, application_id, user_id, type, time_offset, channel, is_on) \
	"coalesce((SELECT f.enabled FROM " preferences " f" \
	" WHERE f.application_id = " application_id " AND f.user_id = " user_id " AND f.type = " type \
	"  AND (f.time_offset IS NULL OR f.time_offset = " time_offset ")" \
	"  AND (f.channel IS NULL OR f.channel = " channel ")" \
	" ORDER BY f.time_offset IS NULL, f.channel IS NULL LIMIT 1), " is_on ")"

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
