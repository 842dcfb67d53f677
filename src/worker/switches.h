/*
 * switches.h
 *		Withdraws messages that have not left yet when a switch goes off.
 */
#ifndef APPT_SWITCHES_H
#define APPT_SWITCHES_H

#include "transfer/engine.h"
#include "worker/guard.h"

/*
 * End the transfers that have not begun to send and belong to an organization
 * that has switched its notifications off. Reads the switches in a transaction of
 * its own. False if that failed or a transfer could not be ended yet: call again.
 */
extern bool withdraw_switched_off(Worker *worker, TransferEngine *engine);

/* End all transfers that have not begun to send. False if one could not be ended yet: call again. */
extern bool withdraw_all(TransferEngine *engine);

#endif							/* APPT_SWITCHES_H */
