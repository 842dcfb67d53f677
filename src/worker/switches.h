/*
 * switches.h
 *		Taking back what has not left yet when a switch goes off.
 */
#ifndef APPT_SWITCHES_H
#define APPT_SWITCHES_H

#include "transfer/engine.h"

/*
 * End what has not begun to leave where its organization's notifications were
 * switched off; and all of it. False: ask again, that could not be found out, or
 * not be done with all.
 */
extern bool withdraw_switched_off(TransferEngine *engine);
extern bool withdraw_all(TransferEngine *engine);

#endif							/* APPT_SWITCHES_H */
