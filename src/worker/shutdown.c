/*
 * shutdown.c
 *		What SIGTERM does to a worker.
 *
 * SIGTERM only sets a flag, and the loop winds down by itself. A transaction
 * that hangs (it waits for a synchronous standby that does not answer) would
 * keep the loop from seeing the flag, so it is cancelled a second after its
 * start.
 */
#include "postgres.h"

#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/timeout.h"

#include "worker/shutdown.h"

/* A transaction older than this is cancelled by a shutdown. */
#define TRANSACTION_PATIENCE_MS 1000

/* Set by signal handlers. */
static volatile sig_atomic_t is_requested = false;
static volatile sig_atomic_t is_overdue = false;

static TimeoutId transaction_timeout;

static void
cancel_overdue(void)
{
	if (is_requested && is_overdue)
		InterruptPending = QueryCancelPending = true;
	SetLatch(MyLatch);
}

static void
request(SIGNAL_ARGS)
{
	int			save_errno = errno;

	is_requested = true;
	cancel_overdue();
	errno = save_errno;
}

static void
take_long(void)
{
	is_overdue = true;
	cancel_overdue();
}

void
shutdown_handle_signal(void)
{
	pqsignal(SIGTERM, request);
	transaction_timeout = RegisterTimeout(USER_TIMEOUT, take_long);
}

bool
shutdown_is_requested(void)
{
	return is_requested;
}

void
shutdown_watch(void)
{
	is_overdue = false;
	enable_timeout_after(transaction_timeout, TRANSACTION_PATIENCE_MS);
}

void
shutdown_unwatch(void)
{
	disable_timeout(transaction_timeout, false);
	is_overdue = false;
}
