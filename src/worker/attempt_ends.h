/*
 * attempt_ends.h
 *		Closes the attempts of finished transfers.
 */
#ifndef APPT_ATTEMPT_ENDS_H
#define APPT_ATTEMPT_ENDS_H

#include "core/table_write.h"
#include "worker/delivery.h"

/* SET: how an attempt ends whose outcome nobody knows. */
#define IS_INTERRUPTED \
	"outcome = 'INTERRUPTED', error = 'the worker or the server stopped before the outcome was known' "

/* Has no other transaction locked the attempt of this delivery? The writer is table_look_begin("attempt"). */
extern bool attempt_is_free(TableWriter *writer, const Delivery *delivery);

/*
 * Close the attempts of these deliveries (Delivery *), with their outcomes, segments
 * and costs. without_texts: store no text of the other side. SPI must be connected.
 * 55P03 if another transaction has locked one.
 */
extern void attempts_close(const List *deliveries, bool without_texts);

/* Delete the attempts of these deliveries, of which nothing was sent. */
extern void attempts_drop(const List *deliveries);

#endif							/* APPT_ATTEMPT_ENDS_H */
