/*
 * signal_mask.h
 *		No signal while libcurl works: its threads inherit the mask, and must
 *		not run PostgreSQL's signal handlers.
 */
#ifndef APPT_SIGNAL_MASK_H
#define APPT_SIGNAL_MASK_H

#include <signal.h>

static inline void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static inline void
unblock_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

#endif							/* APPT_SIGNAL_MASK_H */
