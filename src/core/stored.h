/*
 * stored.h
 *		A text or JSON as it is stored in its row: compressed, or a TOAST pointer.
 *		Its size is known without unpacking it, and it is unpacked only where it
 *		is needed.
 *
 * A TOAST pointer can be unpacked only while the snapshot that read it is kept:
 * within the transaction, if that was an active snapshot.
 */
#ifndef APPT_STORED_H
#define APPT_STORED_H

#include "utils/jsonb.h"

#include "core/row.h"

typedef struct varlena Stored;

/* The next column as it is stored, in the row itself (not a copy); NULL if NULL. */
extern const Stored *next_stored(Row *row);

/* A copy in CurrentMemoryContext, not unpacked; NULL of NULL. */
extern Stored *stored_copy(const Stored *stored);

/* Bytes of the value once it is unpacked, found without unpacking it; 0 of NULL. */
extern Size stored_size(const Stored *stored);

/* Unpacked, in CurrentMemoryContext; NULL of NULL. */
extern char *stored_text(const Stored *stored);
extern Jsonb *stored_jsonb(const Stored *stored);

#endif							/* APPT_STORED_H */
