/*
 * transfer.c
 *		One transfer: a request under way and what is known of it.
 *
 * A transfer may end in many places: when libcurl's results are read, while a
 * session talks, when a look-up failed for another transfer. So its end only moves
 * it to another list, and the engine's run does what follows from that. Callbacks
 * of libcurl only note what happened in Progress.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "transfer/clock.h"
#include "transfer/tls.h"
#include "transfer/transfer.h"

#define AUTHORIZATION_PREFIX "Authorization: Bearer "

static Transfer *
unused_transfer(Engine *engine)
{
	Transfer   *transfer;

	if (!dlist_is_empty(&engine->unused))
		return dlist_container(Transfer, node, dlist_pop_head_node(&engine->unused));
	transfer = MemoryContextAllocExtended(engine->context, sizeof(Transfer),
										  MCXT_ALLOC_ZERO | MCXT_ALLOC_NO_OOM);
	if (transfer != NULL)
		transfer->engine = engine;
	return transfer;
}

Transfer *
new_transfer(Engine *engine, const Request *request, int64 deadline)
{
	Transfer   *transfer = unused_transfer(engine);

	if (transfer == NULL)
		return NULL;
	transfer->host = acquire_host(&engine->hosts, request->url);
	if (transfer->host == NULL)
	{
		reuse_transfer(transfer);
		return NULL;
	}
	transfer->request = request;
	transfer->tag = NULL;
	transfer->session = NULL;
	transfer->token = NULL;
	transfer->fetched_token = NULL;
	transfer->token_granted = false;
	transfer->token_renewed = false;
	transfer->looking_up = false;
	transfer->deadline = deadline;
	transfer->connect_deadline = Min(deadline, monotonic_ms() + appt_connect_timeout);
	transfer->started_at = GetCurrentTimestamp();
	dlist_push_tail(&engine->busy, &transfer->node);
	engine->in_flight++;
	return transfer;
}

/* It is in flight no longer. */
static void
release_transfer(Transfer *transfer)
{
	transfer->engine->in_flight--;
	release_host(&transfer->engine->hosts, transfer->host);
	transfer->host = NULL;
}

void
drop_transfer(Transfer *transfer)
{
	release_transfer(transfer);
	release_token(transfer);
	dlist_delete(&transfer->node);
	reuse_transfer(transfer);
}

void
reuse_transfer(Transfer *transfer)
{
	dlist_push_head(&transfer->engine->unused, &transfer->node);
}

void
move_transfer(Transfer *transfer, dlist_head *list)
{
	dlist_delete(&transfer->node);
	dlist_push_tail(list, &transfer->node);
}

long
time_left(const Transfer *transfer)
{
	return Max(1, transfer->deadline - monotonic_ms());
}

void
note_lookup_begin(Transfer *transfer)
{
	transfer->looking_up = true;
	begin_lookup(&transfer->engine->hosts, transfer->host);
}

void
note_lookup_end(Transfer *transfer, LookupEnd end)
{
	if (!transfer->looking_up)
		return;
	transfer->looking_up = false;
	transfer->engine->may_unblock = true;
	end_lookup(&transfer->engine->hosts, transfer->host, end);
}

Reach
how_far_it_came(const Transfer *transfer, CURL *easy, CURLcode result)
{
	curl_off_t	connect_time = 0;

	if (result == CURLE_OK || transfer->progress.status > 0 || transfer->progress.request_sent)
		return REACH_CONNECTED;
	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_time);
	if (connect_time > 0)
		return REACH_CONNECTED;

	/*
	 * An address that was refused here, or a transfer that had no turn, tells
	 * nothing of the host.
	 */
	return transfer->looking_up || (transfer->progress.address_opened && !transfer->progress.out_of_descriptors) ?
		REACH_FAILED : REACH_UNTRIED;
}

bool
authorize_transfer(Transfer *transfer, const char *token)
{
	size_t		size = strlen(AUTHORIZATION_PREFIX) + strlen(token) + 1;

	free(transfer->authorization);
	transfer->authorization = malloc(size);
	if (transfer->authorization == NULL)
		return false;
	snprintf(transfer->authorization, size, AUTHORIZATION_PREFIX "%s", token);
	return true;
}

const char *
token_of(const Transfer *transfer)
{
	return transfer->authorization == NULL ? NULL : transfer->authorization + strlen(AUTHORIZATION_PREFIX);
}

/* The value that it was sent with is kept, because the response may repeat it. */
static void
leave_token(Transfer *transfer)
{
	if (transfer->token != NULL)
		transfer->token->users--;
	transfer->token = NULL;
	transfer->token_granted = false;
}

void
release_token(Transfer *transfer)
{
	leave_token(transfer);
	free(transfer->authorization);
	transfer->authorization = NULL;
}

/* What went wrong, for people. */
static const char *
failure_text(const Transfer *transfer)
{
	const Progress *progress = &transfer->progress;
	const char *of_tls = tls_failure(progress->curl_error);

	if (of_tls != NULL)
		return of_tls;
	if (progress->refused_by_policy)
		return "the host's address may not be contacted (appt.allowed_addresses)";
	if (progress->result == CURLE_ABORTED_BY_CALLBACK)
		return "the connection closed before an answer came";
	if (progress->header_cut)
		return "the answer's header does not end";
	if (progress->result == CURLE_PARTIAL_FILE)
		return "the answer broke off";
	if (progress->curl_error[0] != '\0')
		return progress->curl_error;
	return curl_easy_strerror(progress->result);
}

void
finish_transfer(Transfer *transfer, CURLcode result)
{
	Engine	   *engine = transfer->engine;

	transfer->progress.result = result;
	if (result != CURLE_OK && transfer->progress.error[0] == '\0')
		strlcpy(transfer->progress.error, failure_text(transfer), ERROR_SIZE);
	transfer->progress.finished_at = GetCurrentTimestamp();
	release_transfer(transfer);
	leave_token(transfer);
	engine->may_unblock = true;
	move_transfer(transfer, transfer->fetched_token ? &engine->fetched : &engine->finished);
}

void
finish_untried(Transfer *transfer, const char *error)
{
	strlcpy(transfer->progress.error, error, ERROR_SIZE);
	transfer->progress.status = 0;
	transfer->progress.body_length = 0;
	transfer->progress.reach = REACH_UNTRIED;
	/* The receiver has had the message once if it refused the token. */
	transfer->progress.is_untried = !transfer->token_renewed;
	finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
}
