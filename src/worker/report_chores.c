/*
 * report_chores.c
 *		The chores of daily reports.
 *
 * The review walks over all applications every 30 seconds, 100 in a transaction, so
 * that what an admin changes holds within a minute. The worker of slot 1 does it
 * for all. Days are counted and reports planned by every worker.
 *
 * What makes a transaction fail because of one application does not hold up the
 * others: its day, or its report, is put off for a minute.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "users/report_count.h"
#include "worker/report_chores.h"

#define REVIEW_PAUSE (30 * USECS_PER_SEC)

#define PLANNED_AT_ONCE 10

/* A day is to be counted before a report can be planned: look again after this time. */
#define UNCOUNTED_PAUSE USECS_PER_SEC

/* How long a day or a report is put off that failed. */
#define POSTPONEMENT USECS_PER_MINUTE

/* ---- review ---- */

static void
review_step(void *argument)
{
	report_review_some(GetCurrentTimestamp(), (ReportReview *) argument);
}

static void
review_some(ReportChores *reports)
{
	ReportReview reviewed = reports->reviewed;
	TimestampTz begin = GetCurrentTimestamp();

	if (reports->worker->slot != 1 || !chore_is_due(&reports->review))
		return;
	if (!worker_run(reports->worker, review_step, &reviewed, NULL))
	{
		reports->review.at = begin + FAILURE_PAUSE;
		return;
	}
	chore_note(&reports->review, begin);
	reports->reviewed = reviewed;
	if (!reviewed.is_over)
		return;
	memset(&reports->reviewed, 0, sizeof(ReportReview));
	chore_end_pass(&reports->review, begin + REVIEW_PAUSE);
	report_chores_look(reports);
}

/* ---- counting ---- */

typedef struct Counting
{
	CountedDay	day;
	bool		is_done;		/* no day is to be counted now */
	TimestampTz next;			/* when the next one is */
} Counting;

static void
count_step(void *argument)
{
	Counting   *counting = (Counting *) argument;

	transaction_commit_without_flush();
	counting->is_done = !report_count_some(GetCurrentTimestamp(), &counting->day);
	if (counting->is_done)
		counting->next = report_count_next();
}

static void
postpone_day_step(void *argument)
{
	report_count_postpone((CountedDay *) argument, GetCurrentTimestamp() + POSTPONEMENT);
}

static void
count_some(ReportChores *reports)
{
	Counting	counting = {0};
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&reports->counting))
		return;
	if (!worker_run(reports->worker, count_step, &counting, NULL))
	{
		if (counting.day.found)
			(void) worker_run(reports->worker, postpone_day_step, &counting.day, NULL);
		reports->counting.at = begin + FAILURE_PAUSE;
		return;
	}
	chore_note(&reports->counting, begin);
	if (!counting.is_done)
		return;
	chore_end_pass(&reports->counting, Max(counting.next, begin + LOCKED_PAUSE));
	reports->planning.at = Min(reports->planning.at, begin);
}

/* ---- planning ---- */

typedef struct Planning
{
	int			most;
	int			planned;
	TriedReport tried;
	TimestampTz next;
} Planning;

static void
plan_step(void *argument)
{
	Planning   *planning = (Planning *) argument;

	planning->planned = report_plan_due(GetCurrentTimestamp(), planning->most, &planning->tried);
	if (planning->planned == 0)
		planning->next = report_schedule_next();
}

static void
postpone_report_step(void *argument)
{
	report_plan_postpone((TriedReport *) argument, GetCurrentTimestamp() + POSTPONEMENT);
}

/* One of several failed: plan them one by one. One that fails alone is put off. */
static void
plan_after_failure(ReportChores *reports, Planning *planning, TimestampTz begin)
{
	if (planning->most == 1 && planning->tried.found)
		(void) worker_run(reports->worker, postpone_report_step, &planning->tried, NULL);
	reports->planned_at_once = 1;
	reports->planning.at = begin + FAILURE_PAUSE;
}

static void
plan_some(ReportChores *reports)
{
	Planning	planning = {.most = reports->planned_at_once};
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&reports->planning))
		return;
	if (!worker_run(reports->worker, plan_step, &planning, NULL))
	{
		plan_after_failure(reports, &planning, begin);
		return;
	}
	chore_note(&reports->planning, begin);
	if (planning.planned > 0)
		return;
	reports->planned_at_once = PLANNED_AT_ONCE;
	chore_end_pass(&reports->planning, Max(planning.next, begin + UNCOUNTED_PAUSE));
}

/* ---- the whole ---- */

void
report_chores_begin(ReportChores *reports, Worker *worker)
{
	memset(reports, 0, sizeof(ReportChores));
	reports->worker = worker;
	reports->planned_at_once = PLANNED_AT_ONCE;
}

void
report_chores_look(ReportChores *reports)
{
	reports->counting.at = DT_NOBEGIN;
	reports->planning.at = DT_NOBEGIN;
}

void
report_chores_clock_was_set(ReportChores *reports)
{
	reports->review.last = reports->counting.last = reports->planning.last = 0;
	reports->review.at = DT_NOBEGIN;
	report_chores_look(reports);
}

void
report_chores_do(ReportChores *reports)
{
	review_some(reports);
	count_some(reports);
	plan_some(reports);
}

TimestampTz
report_chores_next(const ReportChores *reports)
{
	TimestampTz next = Min(chore_next(&reports->counting, BUSY_FACTOR), chore_next(&reports->planning, BUSY_FACTOR));

	return reports->worker->slot == 1 ? Min(next, chore_next(&reports->review, BUSY_FACTOR)) : next;
}
