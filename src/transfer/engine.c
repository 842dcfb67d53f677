/*
 * engine.c
 *		The transfer engine: many requests at once over libcurl.
 *
 * libcurl's socket and timer callbacks feed one epoll descriptor and one
 * deadline; transfer_engine_run lets it work on what is ready and returns. An
 * HTTP request is one libcurl transfer on an easy handle that is set up once
 * and used for many. A mail goes over an SMTP session: libcurl connects,
 * encrypts and authenticates (CURLOPT_CONNECT_ONLY), then smtp_dialogue.c
 * speaks, since libcurl would block for the answer to the end of DATA and for
 * that to QUIT. Sessions are kept and used again for mail by the same route.
 *
 * What can go wrong, and what is done about it:
 *
 * - A name server hangs. libcurl looks up in a thread; QUICK_EXIT abandons it
 *   when the transfer times out. One look-up per host name is under way at a
 *   time, the others of that host wait for it in our queue and share its
 *   failure; after one was abandoned, the host's requests fail at once until
 *   the thread can be supposed to have ended. So threads stay bounded.
 * - A host's address may not be contacted. Each address is checked when its
 *   socket is about to be opened, and again before every request, since the
 *   connection may be older than the present list. If the URL has a name, all
 *   goes on as if it could not be looked up: who chooses URLs must not learn
 *   which names the server's network knows.
 * - A kept connection dies under a request. libcurl would send the request
 *   again, though the first may have been acted upon; that is refused unless
 *   nothing at all was sent, so that one attempt in the log is one request.
 * - A kept connection speaks unasked: a 408 before it closes, or the answer to
 *   nothing. It is shut down (sockets.c), lest that be taken for the
 *   answer to the next request.
 * - Descriptors run out. The transfer waits in our queue and the limit on
 *   connections comes down, with a line in the log.
 * - A response has no end, or is packed for the way. What is kept is capped,
 *   and past a limit the connection is dropped, before anything is unpacked;
 *   the status has come by then and stands. One that breaks off is none,
 *   whatever its status.
 * - A server sends TLS messages without end beside its answer. The connection is
 *   dropped (tls.c).
 * - PostgreSQL's errors must not jump across libcurl's frames, nor its signal
 *   handlers run on libcurl's threads. Callbacks allocate with malloc or not at
 *   all, and all signals are blocked while libcurl works, for threads inherit
 *   the mask.
 */
#include "postgres.h"

#include <signal.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "channel/url.h"
#include "transfer/parts.h"

/* No signal while libcurl works: its threads inherit the mask. */
void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

void
unblock_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

Transfer *
unused_transfer(TransferEngine *engine)
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

/* Give an unused transfer its request. */
void
assign_transfer(Transfer *transfer, const Request *request, Host *host, int64 deadline)
{
	transfer->request = request;
	transfer->tag = NULL;
	transfer->host = host;
	transfer->session = NULL;
	transfer->token = NULL;
	transfer->fetched_token = NULL;
	transfer->token_granted = false;
	transfer->token_refreshed = false;
	transfer->looking_up = false;
	transfer->deadline = deadline;
	transfer->connect_deadline = Min(deadline, monotonic_ms() + appt_connect_timeout);
	transfer->started_at = GetCurrentTimestamp();
	host->in_flight++;
	transfer->engine->in_flight++;
}

/* Forget what callbacks noted of an earlier try. */
static void
clear_notes(Transfer *transfer)
{
	transfer->must_wait = false;
	transfer->out_of_descriptors = false;
	transfer->address_refused = false;
	transfer->address_opened = false;
	transfer->kept_refused = false;
	transfer->header_ended = false;
	transfer->header_cut = false;
	transfer->is_packed = false;
	transfer->body_cut = false;
	transfer->request_sent = false;
	transfer->body_received = 0;
	transfer->socket = CURL_SOCKET_BAD;
	transfer->body_turns = 0;
	transfer->headers_received = 0;
	transfer->body_length = 0;
	transfer->retry_after[0] = '\0';
	transfer->error[0] = '\0';
	transfer->curl_error[0] = '\0';
	transfer->status = 0;
	transfer->refused_by_policy = false;
	transfer->token_refused = false;
	transfer->token_failed = false;
	transfer->is_untried = false;
	transfer->reach = REACH_UNTRIED;
}

/* Make room for one more connection by closing a kept session. */
static void
spare_sessions(TransferEngine *engine)
{
	if (engine->open_sockets >= engine->connection_limit &&
		!dlist_is_empty(&engine->idle_sessions))
		quit_session(dlist_container(SmtpSession, node,
									 dlist_tail_node(&engine->idle_sessions)));
}

/* A look-up of its host was given up a while ago, and may go on: no thread more for that. */
static void
fail_for_lookup(Transfer *transfer)
{
	strlcpy(transfer->error,
			"the host name could not be looked up: an earlier look-up of it hangs",
			ERROR_SIZE);
	transfer->reach = REACH_FAILED;
	dlist_push_tail(&transfer->engine->busy, &transfer->node);
	finish_transfer(transfer, CURLE_COULDNT_RESOLVE_HOST);
}

/* Start a transfer, or start it again after it had to wait. It may be over at once. */
bool
begin_transfer(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;
	long		remaining = Max(1, transfer->deadline - monotonic_ms());
	TokenSupply supply = TOKEN_READY;
	bool		started;

	clear_notes(transfer);
	if (transfer->host->lookup_hangs_until > monotonic_ms())
	{
		fail_for_lookup(transfer);
		return true;
	}
	if (transfer->request->token_url != NULL)
		supply = provide_token(transfer);
	if (supply == TOKEN_AWAITED)
		return true;
	if (supply == TOKEN_IMPOSSIBLE)
	{
		release_token(transfer);
		return false;
	}
	spare_sessions(engine);
	if (transfer->request->protocol == REQUEST_SMTP)
	{
		dlist_push_tail(&engine->mails, &transfer->node);
		started = start_mail(transfer, false);
	}
	else
	{
		dlist_push_tail(&engine->busy, &transfer->node);
		started = start_http(transfer, remaining);
	}
	if (!started)
	{
		dlist_delete(&transfer->node);
		if (transfer->easy != NULL)
			discard_easy(transfer);
		release_token(transfer);
	}
	return started;
}

/* Start a transfer anew that was under way, or waited. If it can't be, it has failed. */
void
restart_transfer(Transfer *transfer)
{
	dlist_delete(&transfer->node);
	if (begin_transfer(transfer))
		return;
	dlist_push_tail(&transfer->engine->busy, &transfer->node);
	finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
}

/* Its host is being looked up, or there is no descriptor: try again soon. */
static void
wait_transfer(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;

	if (transfer->out_of_descriptors && engine->open_sockets > 0 &&
		engine->connection_limit > engine->open_sockets)
	{
		engine->connection_limit = engine->open_sockets;
		curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS,
						  (long) engine->connection_limit);
		curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS,
						  (long) engine->connection_limit);
	}
	dlist_delete(&transfer->node);
	dlist_push_tail(&engine->waiting, &transfer->node);
}

/* What went wrong, for people. */
static void
describe_failure(Transfer *transfer)
{
	const char *of_tls = tls_failure(transfer->curl_error);

	if (transfer->error[0] != '\0')
		return;
	if (of_tls != NULL)
		strlcpy(transfer->error, of_tls, ERROR_SIZE);
	else if (transfer->refused_by_policy)
		strlcpy(transfer->error,
				"the host's address may not be contacted (appt.allowed_addresses)",
				ERROR_SIZE);
	else if (transfer->result == CURLE_ABORTED_BY_CALLBACK)
		strlcpy(transfer->error,
				"the connection closed before an answer came", ERROR_SIZE);
	else if (transfer->header_cut)
		strlcpy(transfer->error, "the answer's header does not end", ERROR_SIZE);
	else if (transfer->result == CURLE_PARTIAL_FILE)
		strlcpy(transfer->error, "the answer broke off", ERROR_SIZE);
	else if (transfer->curl_error[0] != '\0')
		strlcpy(transfer->error, transfer->curl_error, ERROR_SIZE);
	else
		strlcpy(transfer->error, curl_easy_strerror(transfer->result), ERROR_SIZE);
}

/* The transfer has its result; its response is to be taken. */
void
finish_transfer(Transfer *transfer, CURLcode result)
{
	TransferEngine *engine = transfer->engine;

	transfer->result = result;
	if (result != CURLE_OK)
		describe_failure(transfer);
	transfer->finished_at = GetCurrentTimestamp();
	dlist_delete(&transfer->node);
	engine->in_flight--;
	engine->may_unblock = true;
	release_host(engine, transfer->host);
	transfer->host = NULL;
	leave_token(transfer);
	if (transfer->fetched_token != NULL)
		finish_token(transfer);
	else
		dlist_push_tail(&engine->finished, &transfer->node);
}

/* How far it came; before end_lookup. */
static Reach
how_far_it_came(const Transfer *transfer, CURL *easy, CURLcode result)
{
	curl_off_t	connect_time = 0;

	if (result == CURLE_OK || transfer->status > 0 || transfer->request_sent)
		return REACH_CONNECTED;
	curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connect_time);
	if (connect_time > 0)
		return REACH_CONNECTED;

	/*
	 * What was refused by us, or never had its turn, tells nothing of the
	 * host.
	 */
	return transfer->looking_up || (transfer->address_opened && !transfer->out_of_descriptors) ?
		REACH_FAILED : REACH_UNTRIED;
}

/* The others that wait for this host's address share its failure. */
static void
fail_waiting(TransferEngine *engine, Host *host, CURLcode result, const char *error)
{
	dlist_mutable_iter iter;

	/* The host stays: the transfer that failed still counts. */
	dlist_foreach_modify(iter, &engine->waiting)
	{
		Transfer   *other = dlist_container(Transfer, node, iter.cur);

		if (other->host == host && other->must_wait)
		{
			strlcpy(other->error, error, ERROR_SIZE);
			other->reach = REACH_FAILED;
			finish_transfer(other, result);
		}
	}
}

/* What libcurl noted; its look-up is over, or given up. */
static void
note_result(Transfer *transfer, CURL *easy, CURLcode result)
{
	long		status = 0;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->status = status;
	transfer->reach = how_far_it_came(transfer, easy, result);
	end_lookup(transfer, result == CURLE_OPERATION_TIMEDOUT ? LOOKUP_HANGS : LOOKUP_OVER);
}

/* Take the handle out of libcurl's hands. True: a session goes on, by talking or with another token. */
static bool
leave_libcurl(Transfer *transfer, CURLcode result)
{
	if (transfer->session == NULL)
	{
		curl_multi_remove_handle(transfer->engine->multi, transfer->easy);
		return false;
	}
	if (result != CURLE_OK)
		return fail_session(transfer, result);
	begin_dialogue(transfer->session);
	return true;
}

/* Was it held up by what has nothing to do with the message? Then it waits, or starts again. */
static bool
goes_on(Transfer *transfer, CURLcode result)
{
	if (result == CURLE_OK)
		return false;
	if (transfer->must_wait || transfer->out_of_descriptors)
		wait_transfer(transfer);
	/* That connection is closed now; a new one may go elsewhere. */
	else if (transfer->kept_refused)
		restart_transfer(transfer);
	else
		return false;
	return true;
}

/* A body that we cut is an answer all the same; a header that does not end is none. */
static CURLcode
judge_answer(const Transfer *transfer, CURLcode result)
{
	if ((result == CURLE_WRITE_ERROR || result == CURLE_ABORTED_BY_CALLBACK) && transfer->body_cut)
		result = CURLE_OK;
	if (result == CURLE_OK && transfer->session == NULL && !transfer->header_ended)
		return CURLE_PARTIAL_FILE;
	return result;
}

static void
share_failed_lookup(Transfer *transfer, CURLcode result)
{
	strlcpy(transfer->error, result == CURLE_OPERATION_TIMEDOUT ?
			"the host name could not be looked up in time" :
			"the host name could not be looked up or may not be contacted", ERROR_SIZE);
	fail_waiting(transfer->engine, transfer->host, result, transfer->error);
}

/*
 * It failed, perhaps for its host. A name that can't be looked up and one whose
 * address was refused must not be distinguishable: by the error, by what the
 * failure counts for, or by the time that the next look-up takes.
 */
static void
judge_host(Transfer *transfer, CURLcode result, bool was_looking_up)
{
	bool		is_refused = transfer->address_refused && !transfer->address_opened;

	if (is_refused && url_names_address(transfer->request->url))
		transfer->refused_by_policy = true;
	else if (is_refused || was_looking_up)
	{
		transfer->reach = REACH_FAILED;
		if (is_refused)
			distrust_address(transfer);
		share_failed_lookup(transfer, result);
	}
}

/* libcurl is done with a transfer, or with connecting a session. */
static void
read_result(Transfer *transfer, CURLcode result)
{
	bool		was_looking_up = transfer->looking_up;

	note_result(transfer, transfer->session ? transfer->session->easy : transfer->easy, result);
	if (leave_libcurl(transfer, result) || goes_on(transfer, result))
		return;
	result = judge_answer(transfer, result);
	if (result == CURLE_OK && transfer->status == 401 && refresh_token(transfer))
		return;
	if (result != CURLE_OK)
		judge_host(transfer, result, was_looking_up);
	finish_transfer(transfer, result);
}

/*
 * Until when a transfer waits. Who must look up the host's name itself needs
 * time for that: a look-up that began too late would be taken for one that hangs.
 */
static int64
give_up_at(const Transfer *transfer)
{
	if (!transfer->must_wait || transfer->host->looking_up)
		return transfer->deadline;
	return transfer->deadline - Min(appt_connect_timeout, appt_request_timeout / 2);
}

/*
 * Try again what had to wait, and give up what waited too long: it was not its
 * host that kept it waiting, for a look-up that fails takes along all who wait
 * for it.
 */
static void
run_waiting(TransferEngine *engine, int64 now)
{
	dlist_head	waiting;

	if (dlist_is_empty(&engine->waiting))
		return;
	/* Those that must wait again are queued behind. */
	waiting = engine->waiting;
	waiting.head.next->prev = waiting.head.prev->next = &waiting.head;
	dlist_init(&engine->waiting);
	while (!dlist_is_empty(&waiting))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&waiting));

		dlist_push_tail(&engine->waiting, &transfer->node);
		if (now >= give_up_at(transfer))
			finish_untried(transfer, transfer->must_wait ?
						   "its turn to look up the host name did not come in time" :
						   "no descriptor for a connection became free in time");
		else if (engine->may_unblock &&
				 (!transfer->must_wait || lookup_may_start(engine, transfer->host)))
			restart_transfer(transfer);
	}
	engine->may_unblock = false;
}

/*
 * Mail: libcurl's timeout ends with connecting, and the timeout for connecting
 * alone is ours. Then close what idles for too long.
 */
static void
run_deadlines(TransferEngine *engine, int64 now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &engine->mails)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);
		SmtpSession *session = transfer->session;
		curl_off_t	connect_time = 0;

		if (session->socket == CURL_SOCKET_BAD && now >= transfer->connect_deadline)
			curl_easy_getinfo(session->easy, CURLINFO_CONNECT_TIME_T, &connect_time);
		else if (now < transfer->deadline)
			continue;
		if (connect_time > 0 && now < transfer->deadline)
		{
			transfer->connect_deadline = transfer->deadline;
			continue;
		}
		transfer->reach = how_far_it_came(transfer, session->easy, CURLE_OPERATION_TIMEDOUT);
		end_lookup(transfer, LOOKUP_HANGS);
		strlcpy(transfer->error, session->socket == CURL_SOCKET_BAD ?
				"connecting to the mail server took too long" :
				"the mail server did not answer in time", ERROR_SIZE);
		transfer->status = 0;
		end_session(session);
		finish_transfer(transfer, CURLE_OPERATION_TIMEDOUT);
	}

	/* The oldest are at the tail. */
	while (!dlist_is_empty(&engine->idle_sessions))
	{
		SmtpSession *session = dlist_container(SmtpSession, node,
											   dlist_tail_node(&engine->idle_sessions));

		if (now - session->idle_since < IDLE_CONNECTION_SECONDS * 1000)
			break;
		quit_session(session);
	}
}

static void
read_results(TransferEngine *engine)
{
	CURLMsg    *message;
	int			left;

	while ((message = curl_multi_info_read(engine->multi, &left)) != NULL)
	{
		Transfer   *transfer = NULL;
		CURLcode	result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &transfer);
		read_result(transfer, result);
	}
}

static bool
create_multi(TransferEngine *engine)
{
	engine->multi = curl_multi_init();
	engine->share = curl_share_init();
	return engine->multi != NULL && engine->share != NULL &&
		curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, socket_callback) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, timer_callback) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long) engine->connection_limit) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) engine->connection_limit) == CURLM_OK;
}

/* For tables that may not raise an error when they can't grow. */
static void *
allocate_plainly(Size size)
{
	return malloc(size);
}

TransferEngine *
transfer_engine_create(void)
{
	static bool initialized = false;
	MemoryContext context;
	TransferEngine *engine;
	HASHCTL		control = {0};
	sigset_t	signals;
	bool		created;

	context = AllocSetContextCreate(TopMemoryContext, "appt transfer engine",
									ALLOCSET_DEFAULT_SIZES);
	engine = MemoryContextAllocZero(context, sizeof(TransferEngine));
	engine->context = context;
	engine->timer_at = -1;
	/* AcquireExternalFD grants a third; leave some of it to others. */
	engine->connection_limit = Max(8, max_safe_fds / 3 - 16);
	dlist_init(&engine->unused);
	dlist_init(&engine->waiting);
	dlist_init(&engine->busy);
	dlist_init(&engine->mails);
	dlist_init(&engine->finished);
	dlist_init(&engine->idle_sessions);
	dlist_init(&engine->tokens);
	engine->token_headers = token_headers(context);

	control.keysize = DESTINATION_SIZE;
	control.entrysize = sizeof(Host);
	control.alloc = allocate_plainly;
	engine->hosts = hash_create("appt transfer hosts", 256, &control,
								HASH_ELEM | HASH_STRINGS | HASH_ALLOC);

	prepare_tls();
	ReserveExternalFD();
	engine->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (engine->epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));

	block_signals(&signals);
	if (!initialized)
		initialized = curl_global_init(CURL_GLOBAL_ALL) == CURLE_OK;
	created = initialized && create_multi(engine);
	unblock_signals(&signals);
	if (!created)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not initialize libcurl")));
	return engine;
}

int
transfer_engine_socket(TransferEngine *engine)
{
	return engine->epoll_fd;
}

static void
lower(int64 *at, int64 other)
{
	if (*at < 0 || other < *at)
		*at = other;
}

long
transfer_engine_timeout(TransferEngine *engine)
{
	int64		at = engine->timer_at;
	dlist_iter	iter;

	dlist_foreach(iter, &engine->mails)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);

		lower(&at, transfer->session->socket == CURL_SOCKET_BAD ?
			  transfer->connect_deadline : transfer->deadline);
	}
	dlist_foreach(iter, &engine->waiting)
		lower(&at, give_up_at(dlist_container(Transfer, node, iter.cur)));
	if (!dlist_is_empty(&engine->idle_sessions))
		lower(&at, dlist_container(SmtpSession, node,
								   dlist_tail_node(&engine->idle_sessions))->idle_since +
			  IDLE_CONNECTION_SECONDS * 1000);
	if (!dlist_is_empty(&engine->finished) ||
		(engine->may_unblock && !dlist_is_empty(&engine->waiting)))
		return 0;
	return at < 0 ? -1 : (long) Max(0, at - monotonic_ms());
}

bool
transfer_start(TransferEngine *engine, const Request *request, void *tag)
{
	Host	   *host = find_host(engine, request->url, HASH_ENTER_NULL);
	Transfer   *transfer = unused_transfer(engine);
	sigset_t	signals;
	bool		started;

	if (transfer == NULL || host == NULL)
	{
		if (transfer != NULL)
			dlist_push_head(&engine->unused, &transfer->node);
		return false;
	}
	assign_transfer(transfer, request, host, monotonic_ms() + appt_request_timeout);
	transfer->tag = tag;

	block_signals(&signals);
	started = begin_transfer(transfer);
	unblock_signals(&signals);

	if (!started)
	{
		engine->in_flight--;
		release_host(engine, host);
		dlist_push_head(&engine->unused, &transfer->node);
	}
	return started;
}

/* Tell the operator, once, that descriptors are too few for the settings. */
static void
report_limit(TransferEngine *engine)
{
	if (appt_max_concurrency <= engine->connection_limit ||
		engine->reported_limit == engine->connection_limit)
		return;
	engine->reported_limit = engine->connection_limit;
	ereport(LOG,
			(errmsg("appt has file descriptors for %d connections, fewer than appt.max_concurrency",
					engine->connection_limit),
			 errhint("Raise max_files_per_process or lower appt.max_concurrency.")));
}

void
transfer_engine_run(TransferEngine *engine)
{
	sigset_t	signals;
	int64		now = monotonic_ms();
	int			running;

	block_signals(&signals);
	run_events(engine);
	if (engine->timer_at >= 0 && now >= engine->timer_at)
	{
		engine->timer_at = -1;
		curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	read_results(engine);
	run_waiting(engine, now);
	run_deadlines(engine, now);
	unblock_signals(&signals);

	report_limit(engine);
	if (hash_get_num_entries(engine->hosts) > engine->in_flight + 1000)
		sweep_hosts(engine);
}

/* Bytes as a string: what is behind a NUL must not get lost. */
static void
end_text(char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (bytes[i] == '\0')
			bytes[i] = '?';
	}
	bytes[length] = '\0';
}

Response *
transfer_take(TransferEngine *engine, void **tag)
{
	Transfer   *transfer;
	Response   *response;

	if (dlist_is_empty(&engine->finished))
		return NULL;
	transfer = dlist_head_element(Transfer, node, &engine->finished);
	end_text(transfer->body, transfer->body_length);

	response = palloc0(sizeof(Response));
	response->curl_result = transfer->result;
	response->status = transfer->status;
	response->refused_by_policy = transfer->refused_by_policy;
	response->token_refused = transfer->token_refused;
	response->token_failed = transfer->token_failed;
	response->is_untried = transfer->is_untried;
	response->reach = transfer->reach;
	response->started_at = transfer->started_at;
	response->finished_at = transfer->finished_at;
	if (transfer->error[0] != '\0')
		response->error = pstrdup(transfer->error);
	if (transfer->body_length > 0)
		response->body = pnstrdup(transfer->body, transfer->body_length);
	if (transfer->retry_after[0] != '\0')
		response->retry_after = pstrdup(transfer->retry_after);
	if (transfer->authorization != NULL)
		response->token = pstrdup(token_of(transfer));
	release_token(transfer);
	*tag = transfer->tag;

	dlist_delete(&transfer->node);
	dlist_push_head(&engine->unused, &transfer->node);
	return response;
}

int
transfers_in_flight(const TransferEngine *engine)
{
	return engine->in_flight;
}

int
transfer_room(TransferEngine *engine)
{
	return Max(0, Min(appt_max_concurrency, engine->connection_limit) - engine->in_flight);
}
