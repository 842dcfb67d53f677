/*
 * stored.h
 *		A text or JSON as it stands in its row: compressed, or a pointer to where
 *		its pieces are. Whoever holds it knows how large it is, and unpacks it
 *		only where it is needed.
 *
 * It can be unpacked as long as the snapshot that it was read by is kept:
 * within the transaction, for what reads under an active snapshot.
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
