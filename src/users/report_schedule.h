/*
 * report_schedule.h
 *		Which daily reports of which applications are due when, and planning them.
 */
#ifndef APPT_REPORT_SCHEDULE_H
#define APPT_REPORT_SCHEDULE_H

#include "utils/timestamp.h"
#include "utils/uuid.h"

/* A pass over all applications. Zeroes: a pass that begins. */
typedef struct ReportReview
{
	pg_uuid_t	after;			/* it has reviewed applications up to this id */
	bool		is_over;
} ReportReview;

/*
 * Compare the schedule of the next applications with what their admins and
 * subscribers want, and with timezone and report_time; correct what differs.
 */
extern void report_review_some(TimestampTz now, ReportReview *review);

/* The row that a transaction was planning when it failed. */
typedef struct TriedReport
{
	bool		found;
	pg_uuid_t	application_id;
	char		type[NAMEDATALEN];
} TriedReport;

/*
 * Plan at most that many reports that are due and whose day is counted, and
 * advance their rows in the same transaction. Rows that another worker has are
 * passed over. Returns the number of rows; *tried is set before anything can fail.
 */
extern int	report_plan_due(TimestampTz now, int most, TriedReport *tried);

/* Put off a report that could not be planned, so that it holds up no other. */
extern void report_plan_postpone(const TriedReport *report, TimestampTz until);

/* When the next report is due, counted or not; DT_NOEND: none is. */
extern TimestampTz report_schedule_next(void);

#endif							/* APPT_REPORT_SCHEDULE_H */
