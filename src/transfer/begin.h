/*
 * begin.h
 *		Begin a transfer, for the first time or again.
 *
 * Only the engine's own calls and its run begin transfers, never a libcurl
 * callback. Nothing here raises an error.
 */
#ifndef APPT_BEGIN_H
#define APPT_BEGIN_H

#include "transfer/transfer.h"

/*
 * Begin a transfer; it moves to the list of its state. It may have ended on
 * return. False if it can't be begun: it is out of libcurl's hands, and in some
 * list still.
 */
extern bool begin_transfer(Transfer *transfer);

/* Begin a transfer again. If that is impossible it ends. */
extern void begin_again(Transfer *transfer);

#endif							/* APPT_BEGIN_H */
