/*
 * waiting.c
 *		Transfers that wait for a look-up of their host, or for a descriptor.
 *
 * One look-up of a host is under way at a time; those that wait for it take its
 * address out of libcurl's cache, or share its failure (result.c). Where
 * descriptors run out, the limit on connections is lowered to the number that is open.
 *
 * One that waited too long was not tried. Its host is not to blame, because a
 * look-up that fails ends all transfers that wait for it.
 */
#include "postgres.h"

#include "core/settings.h"
#include "transfer/begin.h"
#include "transfer/waiting.h"

static void
lower_connection_limit(Engine *engine)
{
	Sockets    *sockets = &engine->sockets;

	if (sockets->open == 0 || sockets->limit <= sockets->open)
		return;
	sockets->limit = sockets->open;
	curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long) sockets->limit);
	curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) sockets->limit);
}

void
wait_transfer(Transfer *transfer)
{
	if (transfer->progress.out_of_descriptors)
		lower_connection_limit(transfer->engine);
	move_transfer(transfer, &transfer->engine->waiting);
}

/*
 * A transfer that must look up the host's name itself needs time for that: a
 * look-up that begins too late would time out, and be taken for one that hangs.
 */
static int64
give_up_at(const Transfer *transfer)
{
	if (!transfer->progress.must_wait || transfer->host->looking_up)
		return transfer->deadline;
	return transfer->deadline - Min(appt_connect_timeout, appt_request_timeout / 2);
}

int64
next_waiting_deadline(Engine *engine)
{
	int64		at = PG_INT64_MAX;
	dlist_iter	iter;

	if (engine->may_unblock && !dlist_is_empty(&engine->waiting))
		return 0;
	dlist_foreach(iter, &engine->waiting)
		at = Min(at, give_up_at(dlist_container(Transfer, node, iter.cur)));
	return at;
}

static bool
may_go_on(const Transfer *transfer)
{
	return !transfer->progress.must_wait ||
		lookup_may_begin(&transfer->engine->hosts, transfer->host);
}

void
run_waiting(Engine *engine, int64 now)
{
	dlist_head	waiting;

	if (dlist_is_empty(&engine->waiting))
		return;
	/* Those that must wait again go to the end of the engine's list. */
	dlist_init(&waiting);
	while (!dlist_is_empty(&engine->waiting))
		move_transfer(dlist_head_element(Transfer, node, &engine->waiting), &waiting);
	while (!dlist_is_empty(&waiting))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &waiting);

		move_transfer(transfer, &engine->waiting);
		if (now >= give_up_at(transfer))
			finish_untried(transfer, transfer->progress.must_wait ?
						   "its turn to look up the host name did not come in time" :
						   "no descriptor for a connection became free in time");
		else if (engine->may_unblock && may_go_on(transfer))
			begin_again(transfer);
	}
	engine->may_unblock = false;
}
