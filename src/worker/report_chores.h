/*
 * report_chores.h
 *		The chores of daily reports: reviewing who wants them, counting days,
 *		planning what is due.
 */
#ifndef APPT_REPORT_CHORES_H
#define APPT_REPORT_CHORES_H

#include "users/report_schedule.h"
#include "worker/guard.h"
#include "worker/chore_pace.h"

typedef struct ReportChores
{
	Worker	   *worker;
	Chore		review;
	ReportReview reviewed;
	Chore		counting;
	Chore		planning;
	int			planned_at_once;	/* 1 after a failure, until all is planned */
} ReportChores;

extern void report_chores_begin(ReportChores *reports, Worker *worker);

/* Look for days to count and reports to plan, also those that another worker has left. */
extern void report_chores_look(ReportChores *reports);

/* The clock was set back: all times computed before are invalid. */
extern void report_chores_clock_was_set(ReportChores *reports);

/* One step of each that is due, in its own transactions. */
extern void report_chores_do(ReportChores *reports);

/* When the next step is due. */
extern TimestampTz report_chores_next(const ReportChores *reports);

#endif							/* APPT_REPORT_CHORES_H */
