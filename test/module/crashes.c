/*-------------------------------------------------------------------------
 *
 * crashes.c
 *	  Deliberate crashes of a worker, and conclusions from crashes.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "worker/suspicion.h"

PG_FUNCTION_INFO_V1(test_crash_worker);
PG_FUNCTION_INFO_V1(test_suspicion_run);

/* ---- a trigger FOR EACH ROW: a worker that fires it is dead ---- */

static void
die_of(const char *how)
{
	if (strcmp(how, "PANIC") == 0)
		elog(PANIC, "a PANIC on purpose");
	if (strcmp(how, "SEGV") == 0)
	{
		/*
		 * A sanitizer's own handler would end the process as if nothing had
		 * happened.
		 */
		pqsignal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	kill(getpid(), SIGKILL);
}

Datum
test_crash_worker(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (MyBackendType == B_BG_WORKER)
		die_of(data->tg_trigger->tgnargs > 0 ? data->tg_trigger->tgargs[0] : "KILL");
	if (TRIGGER_FIRED_BY_UPDATE(data->tg_event))
		return PointerGetDatum(data->tg_newtuple);
	return PointerGetDatum(data->tg_trigtuple);
}

/* ---- a story of crashes, told in words ---- */

#define STORY_DATABASE 1
#define STORY_SLOT 1

static int
read_ids(const char *text, int64 *ids)
{
	int			count = 0;
	char	   *end;

	while (*text != '\0')
	{
		ids[count++] = strtoll(text, &end, 10);
		text = *end == ',' ? end + 1 : end;
	}
	return count;
}

static Activity
activity_of(const char *verb)
{
	if (strcmp(verb, "claim") == 0)
		return ACTIVITY_CLAIMING;
	if (strcmp(verb, "recover") == 0)
		return ACTIVITY_RECOVERING;
	if (strcmp(verb, "send") == 0)
		return ACTIVITY_TRANSFERRING;
	if (strcmp(verb, "asleep") == 0)
		return ACTIVITY_ASLEEP;
	if (strcmp(verb, "panic") == 0)
		return ACTIVITY_PANIC;
	if (strcmp(verb, "chores") == 0)
		return ACTIVITY_OTHER;
	elog(ERROR, "no such step: %s", verb);
}

/* "left 1,2", "clear 3", or a crash: of "claim 1,2", "send", "asleep", "chores", each "... old" after a long life. */
static void
take_step(Suspicion *suspicion, char *step, TimestampTz now)
{
	Journal    *journal = (Journal *) palloc0(sizeof(Journal));
	char	   *space = strchr(step, ' ');
	const char *rest = space != NULL ? space + 1 : "";
	bool		is_old = strcmp(rest, "old") == 0;

	if (space != NULL)
		*space = '\0';
	journal->database = STORY_DATABASE;
	journal->slot = STORY_SLOT;
	journal->started_at = is_old ? now - USECS_PER_HOUR : now - USECS_PER_SEC;
	journal->count = is_old ? 0 : read_ids(rest, journal->ids);
	if (strcmp(step, "left") == 0)
		suspicion_blame_slot(suspicion, STORY_DATABASE, STORY_SLOT, journal->ids, journal->count);
	else if (strcmp(step, "clear") == 0)
		suspicion_clear(suspicion, STORY_DATABASE, journal->ids[0]);
	else
	{
		journal->activity = activity_of(step);
		suspicion_note(suspicion, journal, now);
	}
	pfree(journal);
}

static int
compare_ids(const void *a, const void *b)
{
	return (int) (((const Suspect *) a)->id - ((const Suspect *) b)->id);
}

Datum
test_suspicion_run(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"claimed", "in flight", "guilty", "slot"};
	Suspicion  *suspicion = (Suspicion *) palloc0(sizeof(Suspicion));
	StringInfoData story;
	CrashHistory *history;
	Datum	   *steps;
	bool	   *nulls;
	int			count;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT, &steps, &nulls, &count);
	for (int i = 0; i < count; i++)
		take_step(suspicion, TextDatumGetCString(steps[i]), USECS_PER_DAY + i * USECS_PER_SEC);
	initStringInfo(&story);
	history = crash_history(suspicion, STORY_DATABASE);
	appendStringInfo(&story, "pause %d", history == NULL ? 0 : (int) (crash_pause(history) / USECS_PER_SEC));
	qsort(suspicion->suspects, suspicion->suspect_count, sizeof(Suspect), compare_ids);
	for (int i = 0; i < suspicion->suspect_count; i++)
		appendStringInfo(&story, ", " INT64_FORMAT " %s %d", suspicion->suspects[i].id,
						 kinds[suspicion->suspects[i].kind], suspicion->suspects[i].crashes_alone);
	PG_RETURN_TEXT_P(cstring_to_text(story.data));
}
