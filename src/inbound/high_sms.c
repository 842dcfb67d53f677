/*
 * high_sms.c
 *		HIGH_SMS: one alarm when a contact begins to send too many messages to a
 *		number, another only after 30 seconds within the limit.
 *
 * Nothing is stored of an alarm: whether a message raises one follows from the
 * times at which messages were received. The times at which the limit is
 * exceeded form periods. Those less than 30 seconds apart belong to one alarm.
 * The message that begins such a group raises its alarm. Messages may be
 * recorded in another order than they were received: then the one that
 * completes a period raises the alarm, and one that joins two groups raises
 * none.
 *
 * The nearest 31 messages on each side are enough. Of 31 within 60 seconds, 16
 * are within the 30 seconds nearer to the new message or within the 30 farther
 * from it, so there is a period near enough to belong to the same alarm, and
 * messages beyond these make no difference.
 *
 * Sessions that record messages of one conversation take turns by an advisory
 * lock, and each counts under a snapshot taken after that, also at REPEATABLE
 * READ. So each message is counted by all that come later, and none is counted
 * by two that both believe to be the 16th. There is one lock for each 1,024th of
 * an application's conversations, because the lock table is finite and a
 * transaction may record many.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "utils/snapmgr.h"

#include "core/locks.h"
#include "core/row.h"
#include "core/statement.h"
#include "inbound/high_sms.h"

/* Locks that a transaction takes in an application at most. */
#define CONVERSATION_LOCKS 1024

/* ---- pure ---- */

/* A period in which the limit is exceeded, without its end; none if it ends before it begins. */
typedef struct Period
{
	TimestampTz begin;
	TimestampTz end;
} Period;

/* That of the message `first` and the HIGH_SMS_LIMIT after it. */
static Period
period_of(const TimestampTz *times, int first)
{
	return (Period)
	{
		times[first + HIGH_SMS_LIMIT], times[first] + HIGH_SMS_SPAN
	};
}

static bool
is_empty(const Period *period)
{
	return period->begin >= period->end;
}

/* Do both belong to one alarm? */
static bool
are_near(const Period *one, const Period *other)
{
	return one->begin - other->end < HIGH_SMS_SPAN && other->begin - one->end < HIGH_SMS_SPAN;
}

/* From the beginning of the first to the end of the last of the periods that have message `index` among theirs. */
static Period
periods_with(const TimestampTz *times, int count, int index)
{
	Period		all = {DT_NOEND, DT_NOBEGIN};

	for (int first = Max(index - HIGH_SMS_LIMIT, 0);
		 first <= index && first + HIGH_SMS_LIMIT < count; first++)
	{
		Period		period = period_of(times, first);

		if (is_empty(&period))
			continue;
		all.begin = Min(all.begin, period.begin);
		all.end = Max(all.end, period.end);
	}
	return all;
}

/* Is there a period that belongs to the same alarm? */
static bool
has_near(const TimestampTz *times, int count, const Period *new)
{
	for (int first = 0; first + HIGH_SMS_LIMIT < count; first++)
	{
		Period		period = period_of(times, first);

		if (!is_empty(&period) && are_near(&period, new))
			return true;
	}
	return false;
}

/* The times with one more, which is behind its equals; *index is where it stands. */
static TimestampTz *
times_with(const TimestampTz *times, int count, TimestampTz at, int *index)
{
	TimestampTz *all = (TimestampTz *) palloc((count + 1) * sizeof(TimestampTz));
	int			before = 0;

	while (before < count && times[before] <= at)
		before++;
	memcpy(all, times, before * sizeof(TimestampTz));
	all[before] = at;
	memcpy(all + before + 1, times + before, (count - before) * sizeof(TimestampTz));
	*index = before;
	return all;
}

bool
high_sms_begins(const TimestampTz *times, int count, TimestampTz at)
{
	int			index;
	TimestampTz *all = times_with(times, count, at, &index);
	Period		new = periods_with(all, count + 1, index);

	return !is_empty(&new) && !has_near(times, count, &new);
}

/* ---- the messages that were recorded ---- */

static void
lock_conversation(const Conversation *conversation)
{
	uint32		application = hash_bytes((const unsigned char *) conversation->application_id.data, UUID_LEN);
	uint64		hash = hash_bytes_extended((const unsigned char *) conversation->from_number,
										   (int) strlen(conversation->from_number), application);
	LOCKTAG		tag;

	hash = hash_bytes_extended((const unsigned char *) conversation->to_number,
							   (int) strlen(conversation->to_number), hash);
	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, application, (uint32) (hash % CONVERSATION_LOCKS),
						 LOCK_CONVERSATION);
	(void) LockAcquire(&tag, ExclusiveLock, false, false);
}

/* The messages that matter, without the new one, in the order of their times. */
static uint64
find_neighbors(const Conversation *conversation, int64 id, TimestampTz at)
{
#define OF_CONVERSATION \
	"FROM appt.inbound_message" \
	" WHERE application_id = $1 AND from_number = $2 AND to_number = $3 AND id <> $4"
	static Statement find = {
		"(SELECT received_at " OF_CONVERSATION " AND received_at <= $5 AND received_at > $6"
		" ORDER BY received_at DESC LIMIT $8)"
		" UNION ALL"
		" (SELECT received_at " OF_CONVERSATION " AND received_at > $5 AND received_at < $7"
		" ORDER BY received_at LIMIT $8)"
		" ORDER BY received_at",
		8, {UUIDOID, TEXTOID, TEXTOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID}, true
	};

	return statement_run(&find, UUIDPGetDatum(&conversation->application_id),
						 text_datum(conversation->from_number), text_datum(conversation->to_number),
						 Int64GetDatum(id), TimestampTzGetDatum(at),
						 TimestampTzGetDatum(at - HIGH_SMS_REACH), TimestampTzGetDatum(at + HIGH_SMS_REACH),
						 Int64GetDatum(HIGH_SMS_NEIGHBORS));
}

bool
high_sms_raised(const Conversation *conversation, int64 id, TimestampTz at)
{
	TimestampTz times[2 * HIGH_SMS_NEIGHBORS];
	int			count;

	lock_conversation(conversation);
	PushActiveSnapshot(GetLatestSnapshot());
	count = (int) find_neighbors(conversation, id, at);
	PopActiveSnapshot();
	for (int i = 0; i < count; i++)
		times[i] = next_timestamp(ROW(i));
	return high_sms_begins(times, count, at);
}
