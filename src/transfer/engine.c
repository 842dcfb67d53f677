/*
 * engine.c
 *		The transfer engine: many requests at once over libcurl.
 *
 * libcurl's socket and timer callbacks feed one epoll descriptor and one
 * deadline. transfer_engine_run() lets libcurl work on what is ready, handles
 * what has ended, begins what may go on, and returns. An HTTP request is one
 * libcurl transfer, on an easy handle that is set up once and used for many. A
 * mail goes over an SMTP session: libcurl connects, encrypts and authenticates
 * (CURLOPT_CONNECT_ONLY), then smtp_dialogue.c speaks, because libcurl would
 * block until the server has answered the end of DATA, and again for QUIT.
 * Sessions are kept and used again for mail by the same route.
 *
 * What can go wrong, and what is done about it:
 *
 * - A name server hangs. libcurl looks up names in threads; with QUICK_EXIT it
 *   abandons the thread when the transfer times out. One look-up per host is
 *   under way at a time; other transfers to the host wait for it (waiting.c) and
 *   share its failure. After a look-up was abandoned, requests to its host fail
 *   at once until the thread has probably ended. So threads stay bounded.
 * - A host's address may not be contacted. Each address is checked when its
 *   socket is about to be opened, and again before every request, because the
 *   connection may be older than the setting. If the URL has a name, the result
 *   is the same as for a name that can't be looked up: someone who chooses URLs
 *   must not learn which names the server's network knows.
 * - A kept connection breaks under a request. libcurl would send the request
 *   again, although the receiver may have acted on the first. That is refused
 *   unless nothing at all was sent, so one attempt in the log is one request.
 * - A server sends bytes over a kept connection between two requests: a 408
 *   before it closes, or an answer that nobody asked for. The connection is shut
 *   down (sockets.c); else those bytes would be taken for the next answer.
 * - Descriptors run out. The transfer waits, and the limit on connections comes
 *   down, with a line in the log.
 * - A response has no end, or its body is compressed. Little of the body is kept.
 *   Past a limit, and before anything is decompressed, the connection is dropped;
 *   the status has come by then and counts. A response that breaks off is a
 *   failure, whatever its status.
 * - A server sends TLS messages without end beside its answer. The connection is
 *   dropped (tls.c).
 * - PostgreSQL's errors must not jump across libcurl's frames, and its signal
 *   handlers must not run on libcurl's threads. Callbacks allocate with malloc()
 *   or not at all, and all signals are blocked while libcurl works, because
 *   threads inherit the mask.
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "core/settings.h"
#include "transfer/begin.h"
#include "transfer/clock.h"
#include "transfer/engine.h"
#include "transfer/result.h"
#include "transfer/signal_mask.h"
#include "transfer/smtp_session.h"
#include "transfer/tls.h"
#include "transfer/token_fetch.h"
#include "transfer/transfer.h"
#include "transfer/waiting.h"

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *clientp, void *socketp)
{
	Engine	   *engine = clientp;
	Transfer   *transfer = NULL;
	uint32		events = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
	if (transfer != NULL && what != CURL_POLL_REMOVE)
		transfer->progress.socket = fd;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	return register_events(&engine->sockets, fd, events) ? 0 : -1;
}

static int
timer_callback(CURLM *multi, long timeout_ms, void *clientp)
{
	Engine	   *engine = clientp;

	engine->timer_at = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	return 0;
}

/* Since 8.20 libcurl has at most 20 threads for look-ups, and 20 names that hang would delay all others. */
static bool
allow_lookups(CURLM *multi)
{
#if LIBCURL_VERSION_NUM >= 0x081400
	return curl_multi_setopt(multi, CURLMOPT_RESOLVE_THREADS_MAX, (long) PG_INT32_MAX) == CURLM_OK;
#else
	return true;
#endif
}

static bool
create_multi(Engine *engine)
{
	engine->multi = curl_multi_init();
	engine->share = curl_share_init();
	return engine->multi != NULL && engine->share != NULL &&
		allow_lookups(engine->multi) &&
		curl_share_setopt(engine->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETFUNCTION, socket_callback) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_SOCKETDATA, engine) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERFUNCTION, timer_callback) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_TIMERDATA, engine) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_MAXCONNECTS, (long) engine->sockets.limit) == CURLM_OK &&
		curl_multi_setopt(engine->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long) engine->sockets.limit) == CURLM_OK;
}

Engine *
transfer_engine_create(void)
{
	static bool initialized = false;
	MemoryContext context;
	Engine	   *engine;
	sigset_t	signals;
	bool		created;

	context = AllocSetContextCreate(TopMemoryContext, "appt transfer engine",
									ALLOCSET_DEFAULT_SIZES);
	engine = MemoryContextAllocZero(context, sizeof(Engine));
	engine->context = context;
	engine->timer_at = -1;
	dlist_init(&engine->unused);
	dlist_init(&engine->waiting);
	dlist_init(&engine->busy);
	dlist_init(&engine->mails);
	dlist_init(&engine->fetched);
	dlist_init(&engine->finished);
	dlist_init(&engine->idle_sessions);
	dlist_init(&engine->tokens);
	engine->token_headers = token_headers(context);
	create_hosts(&engine->hosts);
	prepare_tls();
	create_sockets(&engine->sockets);

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
transfer_engine_socket(Engine *engine)
{
	return engine->sockets.epoll_fd;
}

long
transfer_engine_timeout(Engine *engine)
{
	int64		at = Min(next_session_deadline(engine), next_waiting_deadline(engine));

	if (!dlist_is_empty(&engine->finished) || !dlist_is_empty(&engine->fetched))
		return 0;
	if (engine->timer_at >= 0)
		at = Min(at, engine->timer_at);
	return at == PG_INT64_MAX ? -1 : (long) Max(0, at - monotonic_ms());
}

bool
transfer_start(Engine *engine, const Request *request, void *tag)
{
	Transfer   *transfer = new_transfer(engine, request, monotonic_ms() + appt_request_timeout);
	sigset_t	signals;
	bool		started;

	if (transfer == NULL)
		return false;
	transfer->tag = tag;
	block_signals(&signals);
	started = begin_transfer(transfer);
	unblock_signals(&signals);
	if (!started)
		drop_transfer(transfer);
	return started;
}

/* Report, once, that descriptors are too few for appt.max_concurrency. */
static void
report_limit(Engine *engine)
{
	if (appt_max_concurrency <= engine->sockets.limit ||
		engine->reported_limit == engine->sockets.limit)
		return;
	engine->reported_limit = engine->sockets.limit;
	ereport(LOG,
			(errmsg("appt has file descriptors for %d connections, fewer than appt.max_concurrency",
					engine->sockets.limit),
			 errhint("Raise max_files_per_process or lower appt.max_concurrency.")));
}

/* Handle the fetches that have ended, and begin the transfers that were granted a token. */
static void
run_fetched(Engine *engine)
{
	dlist_head	granted;

	dlist_init(&granted);
	while (!dlist_is_empty(&engine->fetched))
		finish_fetch(dlist_container(Transfer, node, dlist_pop_head_node(&engine->fetched)), &granted);
	while (!dlist_is_empty(&granted))
		begin_again(dlist_head_element(Transfer, node, &granted));
}

static void
run_timer(Engine *engine, int64 now)
{
	int			running;

	if (engine->timer_at < 0 || now < engine->timer_at)
		return;
	engine->timer_at = -1;
	curl_multi_socket_action(engine->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void
transfer_engine_run(Engine *engine)
{
	sigset_t	signals;
	int64		now = monotonic_ms();

	block_signals(&signals);
	run_events(&engine->sockets, engine->multi);
	run_timer(engine, now);
	read_results(engine);
	run_fetched(engine);
	run_waiting(engine, now);
	run_session_deadlines(engine, now);
	/* Fetches that waited too long have ended, too. */
	run_fetched(engine);
	unblock_signals(&signals);

	report_limit(engine);
	sweep_hosts(&engine->hosts, engine->in_flight);
}

/* Bytes as a string. A NUL is replaced, because it would hide what follows. */
static char *
text_of(const char *bytes, size_t length)
{
	char	   *text = palloc(length + 1);

	for (size_t i = 0; i < length; i++)
		text[i] = bytes[i] == '\0' ? '?' : bytes[i];
	text[length] = '\0';
	return text;
}

static Response *
response_of(Transfer *transfer)
{
	const Progress *progress = &transfer->progress;
	Response   *response = palloc0(sizeof(Response));

	response->curl_result = progress->result;
	response->status = progress->status;
	response->refused_by_policy = progress->refused_by_policy;
	response->token_refused = progress->token_refused;
	response->token_failed = progress->token_failed;
	response->recipient_refused = progress->recipient_refused;
	response->is_untried = progress->is_untried;
	response->reach = progress->reach;
	response->started_at = transfer->started_at;
	response->finished_at = progress->finished_at;
	if (progress->error[0] != '\0')
		response->error = pstrdup(progress->error);
	if (progress->body_length > 0)
		response->body = text_of(transfer->body, progress->body_length);
	if (progress->retry_after[0] != '\0')
		response->retry_after = pstrdup(progress->retry_after);
	if (transfer->authorization != NULL)
		response->token = pstrdup(token_of(transfer));
	return response;
}

Response *
transfer_take(Engine *engine, void **tag)
{
	Transfer   *transfer;
	Response   *response;

	if (dlist_is_empty(&engine->finished))
		return NULL;
	transfer = dlist_head_element(Transfer, node, &engine->finished);
	response = response_of(transfer);
	*tag = transfer->tag;
	release_token(transfer);
	dlist_delete(&transfer->node);
	reuse_transfer(transfer);
	return response;
}

int
transfers_in_flight(const Engine *engine)
{
	return engine->in_flight;
}

int
transfer_room(Engine *engine)
{
	return Max(0, Min(appt_max_concurrency, engine->sockets.limit) - engine->in_flight);
}
