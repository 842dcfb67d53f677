/*
 * notification_rows.h
 *		What the worker reads and writes of notifications, row by row and without
 *		waiting for the lock of any.
 */
#ifndef APPT_NOTIFICATION_ROWS_H
#define APPT_NOTIFICATION_ROWS_H

#include "datatype/timestamp.h"

#include "core/table_write.h"
#include "core/vocabulary.h"

/* The columns that the worker writes, and what else it reads. */
typedef struct NotificationRow
{
	NotificationState state;
	Reason		reason;
	Reason		superseded_by;
	NullableDatum detail;		/* text, as address */
	NullableDatum address;
	int			attempt_count;
	TimestampTz next_attempt_at;	/* 0: NULL, as settled_at */
	TimestampTz settled_at;
	bool		is_manual;
	int			worker_slot;	/* 0: NULL */
	bool		has_context;	/* read only */
} NotificationRow;

typedef struct NotificationRows NotificationRows;

/* In CurrentMemoryContext; what notification_rows_close writes to the end is one command. */
extern NotificationRows *notification_rows_open(void);
extern void notification_rows_close(NotificationRows *rows);

/* Find a notification, which is mostly at `place`, and read it if it is free. Its texts are valid until the next is found. */
extern FoundRow notification_rows_find(NotificationRows *rows, int64 id, const ItemPointerData *place, NotificationRow *row);

/*
 * The same for one that this transaction has read at `place`, unless it has changed
 * since; false then. An invalid place: this transaction has locked it.
 */
extern bool notification_rows_find_same(NotificationRows *rows, int64 id, const ItemPointerData *place, NotificationRow *row);

/*
 * The first attempt's recipient, by which the log is searched. It is rarely another
 * than the one that was planned; then the value stays as it is stored, so that the
 * update stays HOT.
 */
extern void notification_row_set_address(NotificationRow *row, const char *address);

/* Write the notification that was found, and set `place` to where it is now. False if it is not free any more. */
extern bool notification_rows_write(NotificationRows *rows, const NotificationRow *row, ItemPointer place);

#endif							/* APPT_NOTIFICATION_ROWS_H */
