/*
 * chores.c
 *		What a worker does beside delivery.
 *
 * Each chore is a pass of small transactions. Between two of them the worker
 * delivers for nine times as long as the last one took: chores take a tenth of
 * the worker's time, however much there is to do. The log's retention may take
 * more if it must, to delete as fast as the log grows. Then its cost grows with
 * the number of messages sent, and with nothing else.
 *
 * Rows that a caller has locked are skipped. The next pass follows after a second,
 * or after ten times the time that the pass took, if that is longer.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "notify/blanking.h"
#include "schedule/end.h"
#include "schedule/invitations.h"
#include "worker/chores.h"
#include "worker/guard.h"
#include "worker/chore_pace.h"
#include "worker/hour_chores.h"
#include "worker/report_chores.h"
#include "worker/retention.h"

#define OVERDUE_BATCH 100

/* Until the next pass of the retention. */
#define RETENTION_PAUSE (60 * USECS_PER_SEC)

/* Notifications that the retention must drop for each 100 that are settled, to keep up. */
#define DROPPED_PER_SETTLED 125

struct Chores
{
	Worker	   *worker;
	Chore		ending;
	Overdue		ended;			/* the last one that the pass has ended */
	Chore		inviting;
	InvitationPass invited;
	bool		inviting_again; /* something was sent since the pass began */
	Chore		blanking;
	BlankingPass blanked;
	bool		blanking_again; /* something was settled since the pass began */
	Chore		retention;
	RetentionPass dropping;
	int64		settled;		/* when the retention's pass began */
	int64		dropped;		/* since then */
	ReportChores reports;
	HourChores	hours;
};

/* ---- ending appointments ---- */

typedef struct Ending
{
	const Overdue *after;
	Overdue    *found;
	int			count;
	bool		is_last;		/* no more are overdue */
	TimestampTz next;			/* when the next one will be; DT_NOBEGIN: not
								 * known */
} Ending;

static void
find_overdue_step(void *argument)
{
	Ending	   *ending = (Ending *) argument;
	TimestampTz now = GetCurrentTimestamp();

	ending->count = overdue_find(now, ending->after, ending->found, OVERDUE_BATCH);
	ending->is_last = ending->count < OVERDUE_BATCH;
	if (ending->count == 0)
		ending->next = overdue_next(now);
}

static void
end_step(void *argument)
{
	Ending	   *ending = (Ending *) argument;
	TimestampTz now = GetCurrentTimestamp();

	(void) overdue_end(ending->found, ending->count, now);
	if (ending->is_last)
		ending->next = overdue_next(now);
}

/* If the batch fails, end each by itself. */
static void
end_found(Worker *worker, Ending *ending)
{
	if (ending->count == 0 || worker_run(worker, end_step, ending, NULL))
		return;
	ending->next = DT_NOBEGIN;
	for (int i = 0; i < ending->count && !worker_must_stop(worker); i++)
	{
		Ending		single = {.found = &ending->found[i], .count = 1};

		(void) worker_run(worker, end_step, &single, NULL);
	}
}

/* When the pass after this one begins: appointments that are still overdue were locked. */
static TimestampTz
next_ending(const Chore *chore, TimestampTz next)
{
	return next > chore->last + LOCKED_PAUSE ? next : Max(next, chore_after_locked(chore));
}

static void
end_some(Chores *chores)
{
	Overdue		found[OVERDUE_BATCH];
	Ending		ending = {.after = &chores->ended, .found = found, .next = DT_NOBEGIN};
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&chores->ending))
		return;
	if (!worker_run(chores->worker, find_overdue_step, &ending, NULL))
	{
		chores->ending.at = begin + FAILURE_PAUSE;
		return;
	}
	end_found(chores->worker, &ending);
	chore_note(&chores->ending, begin);
	if (ending.count > 0)
		chores->ended = found[ending.count - 1];
	if (ending.next == DT_NOBEGIN)
		return;
	chore_end_pass(&chores->ending, next_ending(&chores->ending, ending.next));
	memset(&chores->ended, 0, sizeof(Overdue));
}

/* ---- inviting ---- */

static void
invite_step(void *argument)
{
	invitations_continue((InvitationPass *) argument);
}

static void
end_inviting_pass(Chores *chores)
{
	TimestampTz next = chores->invited.has_skipped ? chore_after_locked(&chores->inviting) : DT_NOEND;

	chore_end_pass(&chores->inviting, chores->inviting_again ? DT_NOBEGIN : next);
	memset(&chores->invited, 0, sizeof(InvitationPass));
	chores->inviting_again = false;
}

static void
invite_some(Chores *chores)
{
	InvitationPass pass = chores->invited;
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&chores->inviting))
		return;
	if (pass.after == 0)
		chores->inviting_again = false;
	if (!worker_run(chores->worker, invite_step, &pass, NULL))
	{
		chores->inviting.at = begin + FAILURE_PAUSE;
		return;
	}
	chores->invited = pass;
	chore_note(&chores->inviting, begin);
	if (pass.is_over)
		end_inviting_pass(chores);
}

/* ---- blanking ---- */

static void
blank_step(void *argument)
{
	blanking_continue((BlankingPass *) argument);
}

static void
end_blanking_pass(Chores *chores)
{
	TimestampTz next = chores->blanked.has_skipped ? chore_after_locked(&chores->blanking) : DT_NOEND;

	chore_end_pass(&chores->blanking, chores->blanking_again ? DT_NOBEGIN : next);
	memset(&chores->blanked, 0, sizeof(BlankingPass));
	chores->blanking_again = false;
}

static void
blank_some(Chores *chores)
{
	BlankingPass pass = chores->blanked;
	TimestampTz begin = GetCurrentTimestamp();

	if (!chore_is_due(&chores->blanking))
		return;
	if (pass.notification_id == 0)
		chores->blanking_again = false;
	if (!worker_run(chores->worker, blank_step, &pass, NULL))
	{
		chores->blanking.at = begin + FAILURE_PAUSE;
		return;
	}
	chores->blanked = pass;
	chore_note(&chores->blanking, begin);
	if (pass.is_over)
		end_blanking_pass(chores);
}

/* ---- retention ---- */

/* Were more notifications settled since the pass began than it has dropped? */
static bool
retention_is_behind(const Chores *chores, int64 settled)
{
	return (settled - chores->settled) * DROPPED_PER_SETTLED / 100 > chores->dropped;
}

static bool
retention_is_due(const Chores *chores, int64 settled, bool is_busy)
{
	bool		needs_no_pause = !is_busy || retention_is_behind(chores, settled);

	return GetCurrentTimestamp() >= chore_next(&chores->retention,
											   needs_no_pause ? IDLE_FACTOR : BUSY_FACTOR);
}

static void
drop_some(Chores *chores, int64 settled, bool is_busy)
{
	TimestampTz begin = GetCurrentTimestamp();
	int			dropped;
	bool		has_more;

	if (!retention_is_due(chores, settled, is_busy))
		return;
	has_more = retention_drop_some(chores->worker, &chores->dropping, &dropped);
	chore_note(&chores->retention, begin);
	chores->dropped += dropped;
	if (has_more)
		return;
	chore_end_pass(&chores->retention, begin + RETENTION_PAUSE);
	chores->settled = settled;
	chores->dropped = 0;
}

/* ---- the whole ---- */

Chores *
chores_create(Worker *worker)
{
	Chores	   *chores = (Chores *) palloc0(sizeof(Chores));

	chores->worker = worker;
	report_chores_begin(&chores->reports, worker);
	hour_chores_begin(&chores->hours, worker);
	chores_look_at_all(chores);
	return chores;
}

void
chores_expect_end(Chores *chores, TimestampTz at)
{
	chores->ending.at = Min(chores->ending.at, at);
}

void
chores_expect_blanking(Chores *chores)
{
	chores->blanking_again = true;
	chores->blanking.at = DT_NOBEGIN;
}

void
chores_expect_invitation(Chores *chores)
{
	chores->inviting_again = true;
	chores->inviting.at = DT_NOBEGIN;
}

void
chores_look(Chores *chores)
{
	chores_expect_invitation(chores);
	chores_expect_end(chores, DT_NOBEGIN);
	chores_expect_blanking(chores);
	report_chores_look(&chores->reports);
	hour_chores_look(&chores->hours);
}

void
chores_look_at_all(Chores *chores)
{
	chores_look(chores);
	chores->retention.at = DT_NOBEGIN;
}

void
chores_clock_was_set(Chores *chores)
{
	chores->ending.last = chores->inviting.last = chores->blanking.last = chores->retention.last = 0;
	report_chores_clock_was_set(&chores->reports);
	hour_chores_clock_was_set(&chores->hours);
	chores_look_at_all(chores);
}

void
chores_do(Chores *chores, int64 settled, bool is_busy)
{
	end_some(chores);
	invite_some(chores);
	blank_some(chores);
	report_chores_do(&chores->reports);
	hour_chores_do(&chores->hours);
	drop_some(chores, settled, is_busy);
}

TimestampTz
chores_next(const Chores *chores, bool is_busy)
{
	TimestampTz next = Min(chore_next(&chores->ending, BUSY_FACTOR), chore_next(&chores->blanking, BUSY_FACTOR));

	next = Min(next, chore_next(&chores->inviting, BUSY_FACTOR));
	next = Min(next, chore_next(&chores->retention, is_busy ? BUSY_FACTOR : IDLE_FACTOR));
	next = Min(next, report_chores_next(&chores->reports));
	return Min(next, hour_chores_next(&chores->hours));
}
