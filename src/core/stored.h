/*
 * stored.h
 *		A text or JSON as it is stored in its row: compressed, or a TOAST pointer.
 *		Its size is known without unpacking it, and it is unpacked only where it
 *		is needed.
 *
 * It can be unpacked only while the snapshot that it was read by is kept: within
 * the transaction, if it was read under an active snapshot.
 */
#ifndef APPT_STORED_H
#define APPT_STORED_H

#include "utils/jsonb.h"

typedef struct varlena Stored;

/* A copy of a column's value as it stands; NULL of NULL. See statement.h for row and column. */
extern Stored *row_stored(uint64 row, int column);

/* Bytes of a column's value once it is unpacked; 0 of NULL. Unpacks nothing. */
extern Size row_size(uint64 row, int column);
extern Size stored_size(const Stored *stored);

/* Unpacked, in CurrentMemoryContext; NULL of NULL. */
extern char *stored_text(const Stored *stored);
extern Jsonb *stored_jsonb(const Stored *stored);

#endif							/* APPT_STORED_H */
