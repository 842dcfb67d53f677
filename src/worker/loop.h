/*
 * loop.h
 *		The worker's loop.
 */
#ifndef APPT_LOOP_H
#define APPT_LOOP_H

#include "worker/guard.h"

/* Deliver under the worker's slot; returns when the worker must stop. No transaction is open. */
extern void delivery_loop(Worker *worker);

#endif							/* APPT_LOOP_H */
