/*
 * result.h
 *		What it means that libcurl is done with a transfer.
 */
#ifndef APPT_RESULT_H
#define APPT_RESULT_H

#include "transfer/engine_state.h"

/*
 * Read what libcurl says of transfers that it is done with. They end, begin
 * again, or wait; mails whose session is connected are sent. Not to be called
 * from within libcurl. Raises no error.
 */
extern void read_results(Engine *engine);

#endif							/* APPT_RESULT_H */
