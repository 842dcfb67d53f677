/*
 * hour_chores.c
 *		The chores of hourly figures.
 *
 * The review walks over all applications once a minute, 100 in a transaction, and
 * finds those where something has fallen due in an hour that nobody counts yet. The
 * worker of slot 1 does it for all. Hours are counted by every worker. An hour that
 * can't be counted is put off for a minute, so that it holds up no other.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "users/hour_count.h"
#include "worker/hour_chores.h"

#define REVIEW_PAUSE USECS_PER_MINUTE

#define POSTPONEMENT USECS_PER_MINUTE

/* ---- review ---- */

typedef struct Review
{
	pg_uuid_t	after;
	bool		is_over;
} Review;

static void
review_step(void *argument)
{
	Review	   *review = (Review *) argument;

	transaction_commit_without_flush();
	review->is_over = !hour_count_review_some(GetCurrentTimestamp(), &review->after);
}

static void
review_some(HourChores *hours)
{
	Review		review = {hours->reviewed, false};
	TimestampTz begin = GetCurrentTimestamp();

	if (hours->worker->slot != 1 || !chore_is_due(&hours->review))
		return;
	if (!worker_run(hours->worker, review_step, &review, NULL))
	{
		hours->review.at = begin + FAILURE_PAUSE;
		return;
	}
	chore_note(&hours->review, begin);
	hours->reviewed = review.after;
	if (!review.is_over)
		return;
	memset(&hours->reviewed, 0, sizeof(pg_uuid_t));
	chore_end_pass(&hours->review, begin + REVIEW_PAUSE);
	hours->counting.at = DT_NOBEGIN;
}

/* ---- counting ---- */

typedef struct Counting
{
	CountedHour hour;
	bool		is_done;		/* no hour is to be counted now */
	TimestampTz next;			/* when the next one is */
} Counting;

static void
count_step(void *argument)
{
	Counting   *counting = (Counting *) argument;

	transaction_commit_without_flush();
	counting->is_done = !hour_count_some(GetCurrentTimestamp(), &counting->hour);
	if (counting->is_done)
		counting->next = hour_count_next();
}

static void
postpone_step(void *argument)
{
	hour_count_postpone((CountedHour *) argument, GetCurrentTimestamp() + POSTPONEMENT);
}

static void
count_some(HourChores *hours)
{
	Counting	counting = {0};
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&hours->counting))
		return;
	if (!worker_run(hours->worker, count_step, &counting, NULL))
	{
		if (counting.hour.found)
			(void) worker_run(hours->worker, postpone_step, &counting.hour, NULL);
		hours->counting.at = begin + FAILURE_PAUSE;
		return;
	}
	chore_note(&hours->counting, begin);
	if (counting.is_done)
		chore_end_pass(&hours->counting, Max(counting.next, begin + LOCKED_PAUSE));
}

/* ---- the whole ---- */

void
hour_chores_begin(HourChores *hours, Worker *worker)
{
	memset(hours, 0, sizeof(HourChores));
	hours->worker = worker;
}

void
hour_chores_look(HourChores *hours)
{
	hours->review.at = DT_NOBEGIN;
	hours->counting.at = DT_NOBEGIN;
}

void
hour_chores_clock_was_set(HourChores *hours)
{
	hours->review.last = hours->counting.last = 0;
	hour_chores_look(hours);
}

void
hour_chores_do(HourChores *hours)
{
	review_some(hours);
	count_some(hours);
}

TimestampTz
hour_chores_next(const HourChores *hours)
{
	TimestampTz next = chore_next(&hours->counting, BUSY_FACTOR);

	return hours->worker->slot == 1 ? Min(next, chore_next(&hours->review, BUSY_FACTOR)) : next;
}
