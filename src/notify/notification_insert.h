/*
 * notification_insert.h
 *		The INSERT of planned notifications, and conditions by which rules are
 *		found, for statements. new_notifications.h inserts without a statement.
 */
#ifndef APPT_NOTIFICATION_INSERT_H
#define APPT_NOTIFICATION_INSERT_H

/*
 * `owed` is a query with the columns that are read here. The rows of "notification"
 * are what was planned: id, application_id, lane, due_at.
 */
#define INSERT_NOTIFICATIONS(owed) INSERT_NOTIFICATIONS_WITH("", "", owed)

/* The same with more columns (", manual"), and where they come from (", o.manual"). */
#define INSERT_NOTIFICATIONS_WITH(columns, values, owed) \
	"notification AS (" \
	" INSERT INTO appt.notification AS n (application_id, appointment_id, user_event_id, recipient_kind, recipient_id," \
	"  subscription_id, rule_id, type, channel, time_offset, due_at, expires_at, next_attempt_at, lane," \
	"  notifications_active, never_told, address, title, start_at, end_at, organizer_id, context, event" columns ")" \
	" SELECT o.application_id, o.appointment_id, o.user_event_id, o.recipient_kind, o.recipient_id," \
	"  o.subscription_id, o.rule_id, o.type, o.channel, o.time_offset, o.due_at, o.expires_at, o.due_at," \
	"  appt.lane(o.application_id, o.channel, o.subscription_id)," \
	"  o.notifications_active, o.never_told, o.address, o.title, o.start_at, o.end_at, o.organizer_id," \
	"  o.context, o.event" values \
	" FROM (" owed ") o" \
	" RETURNING n.id, n.application_id, n.lane, n.due_at" \
	"), queued AS (" \
	" INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)" \
	" SELECT lane, due_at, id, application_id, due_at FROM notification" \
	")"

/*
 * Rules of an application without a meeting template, and rules of a meeting template
 * of it, in the words of the indexes rule_of_application and rule_of_template. Both
 * keys are expressions: on rule.application_id itself a plan that was made when the
 * table was empty might take the primary key, and read all rules of the application.
 */
#define IS_RULE_OF_APPLICATION(rule, application_id) \
	"CASE WHEN " rule ".meeting_template_id IS NULL THEN " rule ".application_id END = " application_id
#define IS_RULE_OF_TEMPLATE(rule, application_id, meeting_template_id) \
	"CASE WHEN " rule ".meeting_template_id IS NOT NULL THEN " rule ".application_id END = " application_id \
	" AND " rule ".meeting_template_id = " meeting_template_id

#endif							/* APPT_NOTIFICATION_INSERT_H */
