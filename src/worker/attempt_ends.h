/*
 * attempt_ends.h
 *		Closes the attempts of finished transfers.
 */
#ifndef APPT_ATTEMPT_ENDS_H
#define APPT_ATTEMPT_ENDS_H

#include "worker/delivery.h"

typedef struct AttemptEnds AttemptEnds;

/* In CurrentMemoryContext. */
extern AttemptEnds *attempt_ends_create(int capacity);

/*
 * Add the end of this delivery's attempt, with its outcome, segments and cost.
 * without_texts: store no text of the other side.
 */
extern void attempt_ends_add(AttemptEnds *ends, const Delivery *delivery, bool without_texts);

/* Write them: one statement, and one more if providers may report on some of them. SPI must be connected. */
extern void attempt_ends_write(const AttemptEnds *ends);

#endif							/* APPT_ATTEMPT_ENDS_H */
