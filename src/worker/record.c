/*
 * record.c
 *		A worker's record in shared memory: how the worker writes it.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "core/text.h"
#include "worker/record.h"

void
record_quiet(WorkerRecord *record, QuietReason reason, const char *explanation)
{
	LWLockAcquire(record->lock, LW_EXCLUSIVE);
	record->quiet = reason;
	copy_clipped(record->explanation, explanation != NULL ? explanation : "", EXPLANATION_LENGTH);
	LWLockRelease(record->lock);
}

void
record_error(WorkerRecord *record, const char *message)
{
	LWLockAcquire(record->lock, LW_EXCLUSIVE);
	record->last_error_at = GetCurrentTimestamp();
	copy_clipped(record->last_error, message, ERROR_LENGTH);
	LWLockRelease(record->lock);
}

void
record_progress(WorkerRecord *record, int in_flight, int64 sent, int64 failed, TimestampTz next_wake)
{
	LWLockAcquire(record->lock, LW_EXCLUSIVE);
	record->in_flight = in_flight;
	record->sent = sent;
	record->failed = failed;
	record->next_wake = next_wake;
	LWLockRelease(record->lock);
}

void
record_circuits(WorkerRecord *record, const CircuitReport *reports, int count)
{
	LWLockAcquire(record->lock, LW_EXCLUSIVE);
	record->open_circuits = count;
	memcpy(record->circuits, reports, sizeof(CircuitReport) * Min(count, CIRCUITS_SHOWN));
	LWLockRelease(record->lock);
}
