/*
 * transfer.c
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
 * - A name resolves to an address that may not be contacted. Each address is
 *   checked when its socket is about to be opened, and again before every
 *   request, since the connection may be older than the present list.
 * - A kept connection dies under a request. libcurl would send the request
 *   again, though the first may have been acted upon; that is refused unless
 *   nothing at all was sent, so that one attempt in the log is one request.
 * - Descriptors run out. The transfer waits in our queue and the limit on
 *   connections comes down, with a line in the log.
 * - A response has no end. What is kept is capped, and past a limit the
 *   connection is dropped; the status has come by then and stands.
 * - PostgreSQL's errors must not jump across libcurl's frames, nor its signal
 *   handlers run on libcurl's threads. Callbacks allocate with malloc or not at
 *   all, and all signals are blocked while libcurl works, for threads inherit
 *   the mask.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "core/reachable.h"
#include "core/settings.h"
#include "worker/smtp_dialogue.h"
#include "worker/token.h"
#include "worker/transfer.h"

/* How much of a response's body is kept; the log takes its first 4 KB. */
#define KEPT_BODY_SIZE 8192

/* Past this many bytes of body the connection is dropped, the status stands. */
#define BODY_LIMIT (1024 * 1024)

/* Past this many bytes of header the response is no response. */
#define HEADER_LIMIT (256 * 1024)

#define RETRY_AFTER_SIZE 64
#define ERROR_SIZE 512
#define HOST_KEY_SIZE 288		/* scheme, host of 253 bytes, port */

/* Name look-ups at once, those given up but perhaps still running included. */
#define LOOKUP_LIMIT 256

/* So long may the thread of a look-up go on after we gave it up. */
#define LOOKUP_LINGER_MS 30000

/* Idle connections are not used again after this: servers close them. */
#define IDLE_CONNECTION_SECONDS 30

/* Mail servers limit the mails of one connection, 100 being the usual value. */
#define MAILS_PER_SESSION 100

/* Events taken from epoll at once. */
#define EVENT_BATCH 128

/* Requests and their bodies are small; curl's own is 64 KB. */
#define UPLOAD_BUFFER_SIZE 16384
#define DOWNLOAD_BUFFER_SIZE 8192

/* How many header lines a request may have. */
#define HEADERS_LIMIT 128

typedef struct Host
{
	char		key[HOST_KEY_SIZE]; /* hash key: "https://example.com:443" */
	int			in_flight;
	bool		looking_up;		/* one of its transfers is */
	int64		lookup_hangs_until; /* monotonic ms; 0: none was abandoned */
} Host;

typedef struct SmtpSession SmtpSession;

typedef struct Transfer
{
	dlist_node	node;			/* in the list of its state */
	TransferEngine *engine;
	const Request *request;
	void	   *tag;
	Host	   *host;
	CURL	   *easy;			/* HTTP; an SMTP session has its own */
	SmtpSession *session;
	Token	   *token;			/* that it was sent with, or waits for */
	Token	   *fetched_token;	/* its answer is a token, not a response */
	char	   *authorization;	/* the header with the token, malloc'ed */
	bool		token_granted;	/* the token was fetched for it: use it */
	bool		token_refreshed;	/* once, after a 401 */
	int64		deadline;		/* monotonic ms */
	int64		connect_deadline;

	/* What the callbacks noted. */
	bool		looking_up;
	bool		must_wait;		/* a look-up of the host is under way already */
	bool		out_of_descriptors;
	bool		address_refused;
	bool		address_opened;
	bool		body_cut;
	bool		request_sent;	/* once; it is not sent twice */
	size_t		body_received;
	size_t		headers_received;

	/* The response to be. */
	CURLcode	result;
	int			status;
	bool		refused_by_policy;
	bool		token_refused;	/* `status` is the token endpoint's */
	TimestampTz started_at;
	TimestampTz finished_at;
	size_t		body_length;
	char		body[KEPT_BODY_SIZE];
	char		retry_after[RETRY_AFTER_SIZE];
	char		error[ERROR_SIZE];
	char		curl_error[CURL_ERROR_SIZE];

	/* What the easy handle was last told, to tell it only what changes. */
	int			set_connect_timeout;
	int			set_request_timeout;
	bool		set_credentials;
	char	   *set_ca_file;
	struct curl_slist headers[HEADERS_LIMIT + 2];
} Transfer;

struct SmtpSession
{
	dlist_node	node;			/* in idle_sessions while idle */
	TransferEngine *engine;
	CURL	   *easy;
	Transfer   *transfer;		/* NULL while idle */
	char	   *key;			/* whom it may serve */
	curl_socket_t socket;		/* CURL_SOCKET_BAD until connected */
	bool		is_reused;		/* this is not its first mail */
	bool		must_reset;		/* the last transaction broke off */
	int			mails;
	int64		idle_since;
	SmtpDialogue dialogue;
};

/* What is known of a descriptor, indexed by it. */
typedef struct SocketState
{
	bool		is_ours;		/* opened by open_socket, closed by close_socket */
	uint32		registered;		/* epoll events */
	uint32		wanted;
	SmtpSession *session;		/* NULL: libcurl's */
} SocketState;

struct TransferEngine
{
	MemoryContext context;
	CURLM	   *multi;
	CURLSH	   *share;
	int			epoll_fd;
	int64		timer_at;		/* when libcurl wants to be called; -1: never */
	HTAB	   *hosts;
	SocketState *sockets;
	int			sockets_size;
	int			open_sockets;
	int			connection_limit;
	bool		limit_is_news;	/* it came down; say so once */

	dlist_head	unused;
	dlist_head	waiting;
	dlist_head	busy;			/* HTTP: libcurl keeps their deadlines */
	dlist_head	mails;			/* busy too: theirs are ours to keep */
	dlist_head	finished;
	dlist_head	idle_sessions;
	dlist_head	tokens;
	List	   *token_headers;	/* of the requests that fetch them */
	int			in_flight;		/* waiting or busy */
	int			lookups;
	int64		abandoned_lookups[LOOKUP_LIMIT];	/* until when they count */
	bool		may_unblock;	/* something ended: look at those waiting */
};

static void finish_transfer(Transfer *transfer, CURLcode result);
static void end_session(SmtpSession *session);

static int64
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* No signal while libcurl works: its threads inherit the mask. */
static void
block_signals(sigset_t *before)
{
	sigset_t	all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, before);
}

static void
unblock_signals(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/*
 * Hosts: what is in flight to one scheme, host and port.
 */

static bool
is_smtp_url(const char *url)
{
	return pg_strncasecmp(url, "smtp", 4) == 0;
}

static const char *
default_port(const char *url)
{
	if (is_smtp_url(url))
		return pg_strncasecmp(url, "smtps:", 6) == 0 ? "465" : "25";
	return pg_strncasecmp(url, "https:", 6) == 0 ? "443" : "80";
}

/*
 * "https://example.com:443" out of a URL that url_problem() found well formed.
 * For counting alone, libcurl parses it by itself.
 */
static void
host_key(const char *url, char *key)
{
	const char *scheme_end = strstr(url, "://");
	const char *start;
	const char *end;
	size_t		length = 0;
	bool		has_port;

	memset(key, 0, HOST_KEY_SIZE);
	if (scheme_end == NULL)
		return;
	start = scheme_end + 3;
	end = start + strcspn(start, "/?#");
	for (const char *c = url; c < end && length < HOST_KEY_SIZE - 8; c++)
		key[length++] = pg_ascii_tolower((unsigned char) *c);
	/* A port stands behind the last colon, but not inside of [IPv6]. */
	has_port = false;
	for (const char *c = end - 1; c >= start && *c != ']'; c--)
	{
		if (*c == ':')
			has_port = true;
	}
	if (!has_port)
		snprintf(key + length, HOST_KEY_SIZE - length, ":%s", default_port(url));
}

static Host *
find_host(TransferEngine *engine, const char *url, HASHACTION action)
{
	char		key[HOST_KEY_SIZE];
	bool		found;
	Host	   *host;

	host_key(url, key);
	host = hash_search(engine->hosts, key, action, &found);
	if (host != NULL && !found && action != HASH_FIND)
	{
		host->in_flight = 0;
		host->looking_up = false;
		host->lookup_hangs_until = 0;
	}
	return host;
}

/* Forget a host of which nothing is known any more. */
static void
release_host(TransferEngine *engine, Host *host)
{
	if (--host->in_flight == 0 && host->lookup_hangs_until <= monotonic_ms())
		hash_search(engine->hosts, host->key, HASH_REMOVE, NULL);
}

/* Those whose look-up hung stay behind until nothing is in flight to them. */
static void
sweep_hosts(TransferEngine *engine)
{
	HASH_SEQ_STATUS scan;
	Host	   *host;
	int64		now = monotonic_ms();

	hash_seq_init(&scan, engine->hosts);
	while ((host = hash_seq_search(&scan)) != NULL)
	{
		if (host->in_flight == 0 && host->lookup_hangs_until <= now)
			hash_search(engine->hosts, host->key, HASH_REMOVE, NULL);
	}
}

/*
 * Look-ups.
 */

static int
lookups_lingering(TransferEngine *engine, int64 now)
{
	int			lingering = 0;

	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (engine->abandoned_lookups[i] > now)
			lingering++;
	}
	return lingering;
}

static bool
lookup_may_start(TransferEngine *engine, const Host *host)
{
	return !host->looking_up && engine->lookups < LOOKUP_LIMIT &&
		(engine->lookups < LOOKUP_LIMIT / 2 ||
		 engine->lookups + lookups_lingering(engine, monotonic_ms()) < LOOKUP_LIMIT);
}

static void
end_lookup(Transfer *transfer, bool was_abandoned)
{
	TransferEngine *engine = transfer->engine;
	int64		now;

	if (!transfer->looking_up)
		return;
	transfer->looking_up = false;
	transfer->host->looking_up = false;
	engine->lookups--;
	engine->may_unblock = true;
	if (!was_abandoned)
		return;

	now = monotonic_ms();
	transfer->host->lookup_hangs_until = now + LOOKUP_LINGER_MS;
	for (int i = 0; i < LOOKUP_LIMIT; i++)
	{
		if (engine->abandoned_lookups[i] <= now)
		{
			engine->abandoned_lookups[i] = now + LOOKUP_LINGER_MS;
			break;
		}
	}
}

/* libcurl is about to look up a name that its cache does not hold. */
static int
lookup_callback(void *resolver, void *reserved, void *clientp)
{
	Transfer   *transfer = clientp;

	if (transfer->looking_up)
		return 0;
	if (!lookup_may_start(transfer->engine, transfer->host))
	{
		transfer->must_wait = true;
		return 1;
	}
	transfer->looking_up = true;
	transfer->host->looking_up = true;
	transfer->engine->lookups++;
	return 0;
}

/*
 * Sockets and events.
 */

/* The state of a descriptor; NULL if there is no memory for it. */
static SocketState *
socket_state(TransferEngine *engine, int fd)
{
	if (fd < 0)
		return NULL;
	if (fd >= engine->sockets_size)
	{
		int			size = Max(fd + 64, engine->sockets_size * 2);
		SocketState *larger = realloc(engine->sockets, size * sizeof(SocketState));

		if (larger == NULL)
			return NULL;
		memset(larger + engine->sockets_size, 0,
			   (size - engine->sockets_size) * sizeof(SocketState));
		engine->sockets = larger;
		engine->sockets_size = size;
	}
	return &engine->sockets[fd];
}

/* Tell epoll which events are wanted; 0 for none. */
static bool
register_events(TransferEngine *engine, int fd, uint32 events)
{
	SocketState *state = socket_state(engine, fd);
	struct epoll_event event;
	int			result;

	if (state == NULL)
		return false;
	state->wanted = events;
	/* A kept connection is soon wanted again: leave its registration alone. */
	if (events == state->registered ||
		(events == 0 && state->is_ours && state->registered == EPOLLIN))
		return true;

	event.events = events;
	event.data.fd = fd;
	if (events == 0)
	{
		(void) epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		state->registered = 0;
		return true;
	}
	result = epoll_ctl(engine->epoll_fd,
					   state->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
					   fd, &event);
	if (result < 0 && errno == ENOENT)
		result = epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	else if (result < 0 && errno == EEXIST)
		result = epoll_ctl(engine->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	state->registered = result < 0 ? 0 : events;
	return result == 0;
}

static int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *clientp, void *socketp)
{
	uint32		events = 0;

	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	return register_events(clientp, fd, events) ? 0 : -1;
}

static int
timer_callback(CURLM *multi, long timeout_ms, void *clientp)
{
	TransferEngine *engine = clientp;

	engine->timer_at = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	return 0;
}

/* Open a socket, if its address may be contacted and there is room for it. */
static curl_socket_t
open_socket_callback(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *transfer = clientp;
	TransferEngine *engine = transfer->engine;
	SocketState *state;
	int			fd;

	end_lookup(transfer, false);
	if (!address_is_reachable(&address->addr, appt_allowed_addresses))
	{
		transfer->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	transfer->address_opened = true;
	if (!AcquireExternalFD())
	{
		transfer->out_of_descriptors = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
	{
		transfer->out_of_descriptors = (errno == EMFILE || errno == ENFILE);
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	state = socket_state(engine, fd);
	if (state == NULL)
	{
		close(fd);
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	memset(state, 0, sizeof(*state));
	state->is_ours = true;
	engine->open_sockets++;
	return fd;
}

static int
close_socket_callback(void *clientp, curl_socket_t fd)
{
	TransferEngine *engine = clientp;
	SocketState *state = socket_state(engine, fd);

	if (state != NULL && state->is_ours)
	{
		memset(state, 0, sizeof(*state));
		ReleaseExternalFD();
		engine->open_sockets--;
		engine->may_unblock = true;
	}
	return close(fd);
}

/* Fill in a socket address from the text that libcurl hands out. */
static bool
parse_address(const char *text, int port, struct sockaddr_storage *storage)
{
	struct sockaddr_in *ipv4 = (struct sockaddr_in *) storage;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *) storage;

	memset(storage, 0, sizeof(*storage));
	if (inet_pton(AF_INET, text, &ipv4->sin_addr) == 1)
	{
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		return true;
	}
	if (inet_pton(AF_INET6, text, &ipv6->sin6_addr) == 1)
	{
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(port);
		return true;
	}
	return false;
}

/*
 * A connection, new or kept, is about to be used. Is its address still
 * allowed, and is this the first time for this request? libcurl repeats a
 * request when a kept connection turns out to be dead.
 */
static int
before_request_callback(void *clientp, char *peer, char *local,
						int peer_port, int local_port)
{
	Transfer   *transfer = clientp;
	struct sockaddr_storage address;

	if (!parse_address(peer, peer_port, &address) ||
		!address_is_reachable((struct sockaddr *) &address, appt_allowed_addresses))
	{
		transfer->address_refused = true;
		transfer->address_opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	if (transfer->session == NULL && transfer->request_sent)
	{
		long		bytes_sent = 0;

		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes_sent);
		if (bytes_sent > 0)
			return CURL_PREREQFUNC_ABORT;
	}
	transfer->request_sent = true;
	return CURL_PREREQFUNC_OK;
}

/*
 * What comes back.
 */

static size_t
body_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	Transfer   *transfer = clientp;
	size_t		length = size * count;
	size_t		kept = Min(length, KEPT_BODY_SIZE - 1 - transfer->body_length);

	memcpy(transfer->body + transfer->body_length, bytes, kept);
	transfer->body_length += kept;
	transfer->body_received += length;
	if (transfer->body_received > BODY_LIMIT)
	{
		transfer->body_cut = true;
		return 0;
	}
	return length;
}

/* Keep one header's value, blanks around it cut off. */
static void
keep_value(char *value, size_t size, const char *bytes, size_t length)
{
	while (length > 0 && (*bytes == ' ' || *bytes == '\t'))
	{
		bytes++;
		length--;
	}
	while (length > 0 && (unsigned char) bytes[length - 1] <= ' ')
		length--;
	length = Min(length, size - 1);
	memcpy(value, bytes, length);
	value[length] = '\0';
}

static size_t
header_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	static const char retry_after[] = "retry-after:";
	Transfer   *transfer = clientp;
	size_t		length = size * count;

	transfer->headers_received += length;
	if (transfer->headers_received > HEADER_LIMIT)
		return 0;
	/* A status line begins anew: what came before was a 100 Continue. */
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
		transfer->retry_after[0] = '\0';
	else if (length > strlen(retry_after) &&
			 pg_strncasecmp(bytes, retry_after, strlen(retry_after)) == 0)
		keep_value(transfer->retry_after, RETRY_AFTER_SIZE,
				   bytes + strlen(retry_after), length - strlen(retry_after));
	return length;
}

/* While a session connects, libcurl shows the server's lines as headers. */
static size_t
greeting_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	Transfer   *transfer = clientp;
	size_t		length = size * count;

	transfer->headers_received += length;
	if (transfer->headers_received > HEADER_LIMIT)
		return 0;
	keep_value(transfer->body, SMTP_LINE_SIZE, bytes, length);
	transfer->body_length = strlen(transfer->body);
	return length;
}

/*
 * Easy handles.
 */

#define SETOPT(easy, option, value) \
	do { \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
			return false; \
	} while (0)

/* What every handle is told, once. */
static bool
set_common_options(TransferEngine *engine, CURL *easy, Transfer *transfer)
{
	SETOPT(easy, CURLOPT_NOSIGNAL, 1L);
	SETOPT(easy, CURLOPT_QUICK_EXIT, 1L);
	SETOPT(easy, CURLOPT_NOPROGRESS, 1L);
	SETOPT(easy, CURLOPT_PROXY, "");
	SETOPT(easy, CURLOPT_NOPROXY, "*");
	SETOPT(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SETOPT(easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	SETOPT(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	SETOPT(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	SETOPT(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SETOPT(easy, CURLOPT_TCP_NODELAY, 1L);
	SETOPT(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long) UPLOAD_BUFFER_SIZE);
	SETOPT(easy, CURLOPT_BUFFERSIZE, (long) DOWNLOAD_BUFFER_SIZE);
	SETOPT(easy, CURLOPT_MAXAGE_CONN, (long) IDLE_CONNECTION_SECONDS);
	SETOPT(easy, CURLOPT_SHARE, engine->share);
	SETOPT(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket_callback);
	SETOPT(easy, CURLOPT_OPENSOCKETDATA, transfer);
	SETOPT(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket_callback);
	SETOPT(easy, CURLOPT_CLOSESOCKETDATA, engine);
	SETOPT(easy, CURLOPT_RESOLVER_START_FUNCTION, lookup_callback);
	SETOPT(easy, CURLOPT_RESOLVER_START_DATA, transfer);
	SETOPT(easy, CURLOPT_PREREQFUNCTION, before_request_callback);
	SETOPT(easy, CURLOPT_PREREQDATA, transfer);
	SETOPT(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
	SETOPT(easy, CURLOPT_WRITEFUNCTION, body_callback);
	SETOPT(easy, CURLOPT_WRITEDATA, transfer);
	SETOPT(easy, CURLOPT_HEADERDATA, transfer);
	SETOPT(easy, CURLOPT_PRIVATE, transfer);
	return true;
}

static bool
set_http_options(CURL *easy)
{
	SETOPT(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SETOPT(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SETOPT(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
	SETOPT(easy, CURLOPT_HEADERFUNCTION, header_callback);
	SETOPT(easy, CURLOPT_POST, 1L);
	return true;
}

/* The settings as they are now, if they changed since the handle was told. */
static bool
set_timeouts(Transfer *transfer, long remaining)
{
	int			connect_timeout = Min(appt_connect_timeout, remaining);

	if (transfer->set_request_timeout != remaining)
	{
		SETOPT(transfer->easy, CURLOPT_TIMEOUT_MS, remaining);
		transfer->set_request_timeout = remaining;
	}
	if (transfer->set_connect_timeout != connect_timeout)
	{
		SETOPT(transfer->easy, CURLOPT_CONNECTTIMEOUT_MS, (long) connect_timeout);
		transfer->set_connect_timeout = connect_timeout;
	}
	return true;
}

static const char *
ca_file(void)
{
	return appt_ca_file == NULL ? "" : appt_ca_file;
}

static bool
set_ca_file(CURL *easy, const char *file)
{
	/* An empty setting means the system's certificates. */
	const curl_version_info_data *system = curl_version_info(CURLVERSION_NOW);
	bool		is_empty = file[0] == '\0';

	SETOPT(easy, CURLOPT_CAINFO, is_empty ? system->cainfo : file);
	SETOPT(easy, CURLOPT_CAPATH, is_empty ? system->capath : NULL);
	return true;
}

static bool
update_ca_file(Transfer *transfer)
{
	if (transfer->set_ca_file != NULL &&
		strcmp(transfer->set_ca_file, ca_file()) == 0)
		return true;
	free(transfer->set_ca_file);
	transfer->set_ca_file = strdup(ca_file());
	return transfer->set_ca_file != NULL && set_ca_file(transfer->easy, ca_file());
}

static void
discard_easy(Transfer *transfer)
{
	curl_easy_cleanup(transfer->easy);
	free(transfer->set_ca_file);
	transfer->easy = NULL;
	transfer->set_ca_file = NULL;
	transfer->set_connect_timeout = transfer->set_request_timeout = -1;
	transfer->set_credentials = false;
}

/* The handle of an HTTP transfer, made at its first use. */
static bool
provide_easy(Transfer *transfer)
{
	if (transfer->easy != NULL)
		return true;
	transfer->easy = curl_easy_init();
	if (transfer->easy == NULL)
		return false;
	transfer->set_connect_timeout = transfer->set_request_timeout = -1;
	transfer->set_credentials = false;
	return set_common_options(transfer->engine, transfer->easy, transfer) &&
		set_http_options(transfer->easy);
}

/*
 * The header list, in the transfer's own nodes: libcurl only reads it, and
 * the request outlives the transfer. The first one keeps libcurl from asking
 * for a 100 Continue and waiting for it.
 */
static bool
set_headers(Transfer *transfer)
{
	static char no_expect[] = "Expect:";
	ListCell   *cell;
	int			count = 0;

	if (list_length(transfer->request->headers) > HEADERS_LIMIT)
		return false;
	transfer->headers[0].data = no_expect;
	transfer->headers[0].next = NULL;
	foreach(cell, transfer->request->headers)
	{
		transfer->headers[count].next = &transfer->headers[count + 1];
		count++;
		transfer->headers[count].data = lfirst(cell);
		transfer->headers[count].next = NULL;
	}
	if (transfer->authorization != NULL)
	{
		transfer->headers[count].next = &transfer->headers[count + 1];
		count++;
		transfer->headers[count].data = transfer->authorization;
		transfer->headers[count].next = NULL;
	}
	SETOPT(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
	return true;
}

static bool
set_http_credentials(Transfer *transfer)
{
	const Request *request = transfer->request;
	bool		needed = request->username != NULL && request->token_url == NULL;

	if (needed || transfer->set_credentials)
	{
		SETOPT(transfer->easy, CURLOPT_USERNAME, needed ? request->username : NULL);
		SETOPT(transfer->easy, CURLOPT_PASSWORD, needed ? request->password : NULL);
	}
	transfer->set_credentials = needed;
	return true;
}

/* Hand an HTTP request to libcurl. */
static bool
start_http(Transfer *transfer, long remaining)
{
	const Request *request = transfer->request;

	if (!provide_easy(transfer))
		return false;
	SETOPT(transfer->easy, CURLOPT_URL, request->url);
	SETOPT(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
	SETOPT(transfer->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	if (!set_headers(transfer) || !set_http_credentials(transfer) ||
		!set_timeouts(transfer, remaining) || !update_ca_file(transfer))
		return false;
	return curl_multi_add_handle(transfer->engine->multi, transfer->easy) == CURLM_OK;
}

/*
 * SMTP sessions.
 */

/* Whom a session may serve: the same server, user and degree of encryption. */
static char *
session_key(const Request *request)
{
	const char *username = request->username ? request->username : "";
	const char *password = request->password ? request->password : "";
	size_t		size = strlen(request->url) + strlen(username) +
		strlen(password) + strlen(ca_file()) + 16;
	char	   *key = malloc(size);

	if (key != NULL)
		snprintf(key, size, "%s\n%d\n%s\n%s\n%s", request->url,
				 (int) request->starttls, username, password, ca_file());
	return key;
}

static bool
set_session_options(SmtpSession *session, Transfer *transfer, long remaining)
{
	const Request *request = transfer->request;
	static const long use_ssl[] = {
		[STARTTLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
		[STARTTLS_REQUIRED] = CURLUSESSL_ALL,
		[STARTTLS_NEVER] = CURLUSESSL_NONE
	};

	if (!set_common_options(session->engine, session->easy, transfer))
		return false;
	SETOPT(session->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SETOPT(session->easy, CURLOPT_URL, request->url);
	SETOPT(session->easy, CURLOPT_CONNECT_ONLY, 1L);
	SETOPT(session->easy, CURLOPT_HEADERFUNCTION, greeting_callback);
	SETOPT(session->easy, CURLOPT_USE_SSL, use_ssl[request->starttls]);
	if (request->username != NULL)
	{
		SETOPT(session->easy, CURLOPT_USERNAME, request->username);
		SETOPT(session->easy, CURLOPT_PASSWORD, request->password ? request->password : "");
	}
	/* libcurl's connect timeout would include the server's greeting. */
	SETOPT(session->easy, CURLOPT_CONNECTTIMEOUT_MS, remaining);
	SETOPT(session->easy, CURLOPT_TIMEOUT_MS, remaining);
	SETOPT(session->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, Max(1L, remaining / 1000));
	return set_ca_file(session->easy, ca_file());
}

/* Begin to connect. */
static bool
open_session(Transfer *transfer, char *key, long remaining)
{
	SmtpSession *session = calloc(1, sizeof(SmtpSession));

	if (session == NULL)
	{
		free(key);
		return false;
	}
	session->engine = transfer->engine;
	session->key = key;
	session->socket = CURL_SOCKET_BAD;
	session->transfer = transfer;
	transfer->session = session;
	session->easy = curl_easy_init();
	if (session->easy == NULL ||
		!set_session_options(session, transfer, remaining) ||
		curl_multi_add_handle(transfer->engine->multi, session->easy) != CURLM_OK)
	{
		end_session(session);
		return false;
	}
	return true;
}

/*
 * Close a session at once, without waiting for anybody. libcurl takes the
 * connection of a CONNECT_ONLY handle for dead when the handle is removed, and
 * sends no QUIT.
 */
static void
end_session(SmtpSession *session)
{
	if (session->socket != CURL_SOCKET_BAD)
	{
		SocketState *state = socket_state(session->engine, session->socket);

		if (state != NULL)
			state->session = NULL;
		register_events(session->engine, session->socket, 0);
	}
	if (session->transfer != NULL)
		session->transfer->session = NULL;
	else
		dlist_delete(&session->node);
	if (session->easy != NULL)
	{
		curl_multi_remove_handle(session->engine->multi, session->easy);
		curl_easy_cleanup(session->easy);
	}
	free(session->key);
	free(session);
}

/* Say goodbye if that takes no waiting, and close. */
static void
quit_session(SmtpSession *session)
{
	size_t		sent;

	(void) curl_easy_send(session->easy, "QUIT\r\n", 6, &sent);
	end_session(session);
}

static SmtpSession *
find_idle_session(TransferEngine *engine, const char *key)
{
	dlist_iter	iter;

	dlist_foreach(iter, &engine->idle_sessions)
	{
		SmtpSession *session = dlist_container(SmtpSession, node, iter.cur);

		if (strcmp(session->key, key) == 0)
			return session;
	}
	return NULL;
}

/* May mail still go to where this session is connected? */
static bool
session_is_reachable(SmtpSession *session)
{
	struct sockaddr_storage address;
	socklen_t	length = sizeof(address);

	return getpeername(session->socket, (struct sockaddr *) &address, &length) == 0 &&
		address_is_reachable((struct sockaddr *) &address, appt_allowed_addresses);
}

/* The last use was good: keep the session for the next mail. */
static void
release_session(SmtpSession *session)
{
	session->transfer->session = NULL;
	session->transfer = NULL;
	session->idle_since = monotonic_ms();
	dlist_push_head(&session->engine->idle_sessions, &session->node);
	/* Watched, for whatever comes now means that it is closing. */
	register_events(session->engine, session->socket, EPOLLIN);
	if (session->mails >= MAILS_PER_SESSION)
		quit_session(session);
}

/* End the transfer with the server's answer, keep or close the session. */
static void
finish_mail(SmtpSession *session)
{
	Transfer   *transfer = session->transfer;
	SmtpDialogue *dialogue = &session->dialogue;
	CURLcode	result = CURLE_OK;

	transfer->status = dialogue->code;
	transfer->body_length = strlcpy(transfer->body, dialogue->reply, KEPT_BODY_SIZE);
	session->mails++;
	session->must_reset = false;
	if (dialogue->step == SMTP_REFUSED)
	{
		snprintf(transfer->error, ERROR_SIZE, "the mail server refused %s: %s",
				 dialogue->refused_command, dialogue->reply);
		result = CURLE_SEND_ERROR;
		session->must_reset = true;
	}
	else if (dialogue->step == SMTP_GARBLED)
	{
		snprintf(transfer->error, ERROR_SIZE, "the mail server does not follow SMTP");
		transfer->status = 0;
		result = CURLE_WEIRD_SERVER_REPLY;
	}

	/* 421: the server closes the connection. */
	if (dialogue->step == SMTP_GARBLED || dialogue->code == 421)
		end_session(session);
	else
		release_session(session);
	finish_transfer(transfer, result);
}

static bool start_mail(Transfer *transfer, bool fresh);

/*
 * The connection broke. If it was a kept one and the message is not out, the
 * server merely got tired of waiting: connect anew, within the same attempt.
 * libcurl says CURLE_OK with 0 bytes when the server has closed.
 */
static void
break_session(SmtpSession *session, CURLcode result)
{
	Transfer   *transfer = session->transfer;
	bool		is_harmless = session->is_reused && !session->dialogue.end_queued;
	bool		end_queued = session->dialogue.end_queued;

	end_session(session);
	if (is_harmless && start_mail(transfer, true))
		return;
	snprintf(transfer->error, ERROR_SIZE,
			 end_queued ? "the connection broke before the mail server answered the message"
			 : "the connection to the mail server broke");
	finish_transfer(transfer, result == CURLE_OK ? CURLE_RECV_ERROR : result);
}

/* Send what can be sent. False: the session is gone. */
static bool
send_output(SmtpSession *session)
{
	const char *bytes;
	size_t		length;

	while ((length = smtp_dialogue_output(&session->dialogue, &bytes)) > 0)
	{
		size_t		sent = 0;
		CURLcode	result = curl_easy_send(session->easy, bytes, length, &sent);

		if (result == CURLE_AGAIN)
			return register_events(session->engine, session->socket,
								   EPOLLIN | EPOLLOUT);
		if (result != CURLE_OK)
		{
			break_session(session, result);
			return false;
		}
		smtp_dialogue_sent(&session->dialogue, sent);
	}
	return register_events(session->engine, session->socket, EPOLLIN);
}

/* Receive what has come, until there is no more. False: the session is gone. */
static bool
receive_input(SmtpSession *session)
{
	char		bytes[4096];
	size_t		received;

	while (!smtp_dialogue_is_over(&session->dialogue))
	{
		CURLcode	result = curl_easy_recv(session->easy, bytes, sizeof(bytes),
											&received);

		if (result == CURLE_AGAIN)
			return true;
		if (result != CURLE_OK || received == 0)
		{
			break_session(session, result);
			return false;
		}
		smtp_dialogue_receive(&session->dialogue, bytes, received);
		/* A reply may call for the next command. */
		if (!smtp_dialogue_is_over(&session->dialogue) && !send_output(session))
			return false;
	}
	return true;
}

/* A session's socket is ready, or it has just been given a mail. */
static void
run_session(SmtpSession *session)
{
	if (session->transfer == NULL)
	{
		/* Idle: the server says goodbye, or nonsense. */
		end_session(session);
		return;
	}
	if (!smtp_dialogue_is_over(&session->dialogue) && !send_output(session))
		return;
	if (!receive_input(session))
		return;
	if (!smtp_dialogue_is_over(&session->dialogue))
		return;
	/* A server that tires of a kept connection says so instead of "250". */
	if (session->dialogue.code == 421 && session->is_reused &&
		!session->dialogue.end_queued)
		break_session(session, CURLE_RECV_ERROR);
	else
		finish_mail(session);
}

/* libcurl has connected and authenticated. */
static void
begin_dialogue(SmtpSession *session)
{
	curl_socket_t fd = CURL_SOCKET_BAD;
	SocketState *state = NULL;

	if (session->socket == CURL_SOCKET_BAD)
	{
		curl_easy_getinfo(session->easy, CURLINFO_ACTIVESOCKET, &fd);
		if (fd != CURL_SOCKET_BAD)
			state = socket_state(session->engine, fd);
		if (state == NULL)
		{
			break_session(session, CURLE_COULDNT_CONNECT);
			return;
		}
		session->socket = fd;
		state->session = session;
	}
	/* What answered the greeting is no answer to the mail. */
	session->transfer->body_length = 0;
	session->transfer->status = 0;
	smtp_dialogue_begin(&session->dialogue, session->transfer->request,
						session->must_reset);
	run_session(session);
}

/* Send a mail over a kept session, or else over a new one. */
static bool
start_mail(Transfer *transfer, bool fresh)
{
	char	   *key = session_key(transfer->request);
	SmtpSession *session;
	long		remaining = Max(1, transfer->deadline - monotonic_ms());

	if (key == NULL)
		return false;
	while (!fresh && (session = find_idle_session(transfer->engine, key)) != NULL)
	{
		if (!session_is_reachable(session))
		{
			end_session(session);
			continue;
		}
		free(key);
		dlist_delete(&session->node);
		session->transfer = transfer;
		session->is_reused = true;
		transfer->session = session;
		begin_dialogue(session);
		return true;
	}
	return open_session(transfer, key, remaining);
}

/*
 * Tokens.
 */

static bool begin_transfer(Transfer *transfer);
static Transfer *unused_transfer(TransferEngine *engine);
static void assign_transfer(Transfer *transfer, const Request *request, Host *host,
							int64 deadline);

static List *
token_headers(MemoryContext context)
{
	static char form[] = "Content-Type: application/x-www-form-urlencoded";
	static char json[] = "Accept: application/json";
	MemoryContext old = MemoryContextSwitchTo(context);
	List	   *headers = list_make2(form, json);

	MemoryContextSwitchTo(old);
	return headers;
}

static void
release_token(Transfer *transfer)
{
	if (transfer->token != NULL)
		transfer->token->users--;
	transfer->token = NULL;
	transfer->token_granted = false;
	free(transfer->authorization);
	transfer->authorization = NULL;
}

/* Ask the endpoint, as a transfer whose answer comes to finish_token(). */
static bool
fetch_token(TransferEngine *engine, Token *token, int64 deadline)
{
	Transfer   *transfer = unused_transfer(engine);

	if (transfer == NULL)
		return false;
	assign_transfer(transfer, &token->request,
					find_host(engine, token->request.url, HASH_ENTER), deadline);
	transfer->fetched_token = token;
	if (begin_transfer(transfer))
	{
		token->is_fetching = true;
		return true;
	}
	engine->in_flight--;
	release_host(engine, transfer->host);
	transfer->fetched_token = NULL;
	dlist_push_head(&engine->unused, &transfer->node);
	return false;
}

#define AUTHORIZATION_PREFIX "Authorization: Bearer "

typedef enum TokenSupply
{
	TOKEN_READY,				/* the transfer's header is made */
	TOKEN_AWAITED,				/* it waits in the token's queue */
	TOKEN_IMPOSSIBLE			/* out of memory */
} TokenSupply;

/* See to it that the transfer has a token or waits for one. */
static TokenSupply
provide_token(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;
	int64		now = monotonic_ms();
	Token	   *token = transfer->token;
	const char *value;

	if (token == NULL)
	{
		token = token_find(&engine->tokens, transfer->request, engine->token_headers, now);
		if (token == NULL)
			return TOKEN_IMPOSSIBLE;
		transfer->token = token;
		token->users++;
	}
	value = transfer->token_granted ? token->value : token_value(token, now);
	if (value != NULL)
	{
		size_t		size = strlen(AUTHORIZATION_PREFIX) + strlen(value) + 1;

		free(transfer->authorization);
		transfer->authorization = malloc(size);
		if (transfer->authorization == NULL)
			return TOKEN_IMPOSSIBLE;
		snprintf(transfer->authorization, size, AUTHORIZATION_PREFIX "%s", value);
		return TOKEN_READY;
	}
	if (!token->is_fetching && !fetch_token(engine, token, transfer->deadline))
		return TOKEN_IMPOSSIBLE;
	dlist_push_tail(&token->waiting, &transfer->node);
	return TOKEN_AWAITED;
}

/* The token could not be had: so ends a transfer that waited for it. */
static void
fail_for_token(Transfer *transfer, const Transfer *fetch)
{
	transfer->status = fetch->status;
	transfer->token_refused = fetch->result == CURLE_OK;
	transfer->address_refused = fetch->address_refused;
	transfer->address_opened = fetch->address_opened;
	transfer->body_length = fetch->body_length;
	memcpy(transfer->body, fetch->body, fetch->body_length);
	strlcpy(transfer->retry_after, fetch->retry_after, RETRY_AFTER_SIZE);
	if (fetch->result != CURLE_OK)
		snprintf(transfer->error, ERROR_SIZE, "no token could be fetched: %s", fetch->error);
	else if (fetch->status >= 200 && fetch->status <= 299)
		strlcpy(transfer->error, "the token endpoint's answer holds no token", ERROR_SIZE);
	else
		snprintf(transfer->error, ERROR_SIZE,
				 "the token endpoint answered with HTTP status %d", fetch->status);
	finish_transfer(transfer, fetch->result == CURLE_OK ? CURLE_LOGIN_DENIED : fetch->result);
}

/* The endpoint answered, or could not be reached: on with those that wait. */
static void
finish_token(Transfer *fetch)
{
	TransferEngine *engine = fetch->engine;
	Token	   *token = fetch->fetched_token;
	bool		is_granted;
	dlist_head	waiting;

	fetch->body[fetch->body_length] = '\0';
	is_granted = fetch->result == CURLE_OK && fetch->status >= 200 && fetch->status <= 299 &&
		token_read_answer(token, fetch->body, monotonic_ms());
	token->is_fetching = false;
	fetch->fetched_token = NULL;

	/* One that can't be started is not to be met again in this list. */
	dlist_init(&waiting);
	while (!dlist_is_empty(&token->waiting))
		dlist_push_tail(&waiting, dlist_pop_head_node(&token->waiting));
	while (!dlist_is_empty(&waiting))
	{
		Transfer   *transfer = dlist_container(Transfer, node, dlist_pop_head_node(&waiting));

		transfer->token_granted = is_granted;
		if (is_granted && begin_transfer(transfer))
			continue;
		dlist_push_tail(&engine->busy, &transfer->node);
		if (is_granted)
			finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
		else
			fail_for_token(transfer, fetch);
	}
	dlist_push_head(&engine->unused, &fetch->node);
}

/* The receiver refused the token: fetch another, once, and send again. */
static bool
refresh_token(Transfer *transfer)
{
	if (transfer->authorization == NULL || transfer->token_refreshed)
		return false;
	token_forget(transfer->token, transfer->authorization + strlen(AUTHORIZATION_PREFIX));
	release_token(transfer);
	transfer->token_refreshed = true;
	dlist_delete(&transfer->node);
	if (begin_transfer(transfer))
		return true;
	dlist_push_tail(&transfer->engine->busy, &transfer->node);
	finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
	return true;
}

/* A receiver may echo the token: the log must not have it. */
static void
mask_token(Transfer *transfer)
{
	const char *value;
	char	   *found;

	if (transfer->authorization == NULL)
		return;
	value = transfer->authorization + strlen(AUTHORIZATION_PREFIX);
	while ((found = memmem(transfer->body, transfer->body_length, value, strlen(value))) != NULL)
		memset(found, '*', strlen(value));
}

/*
 * Transfers.
 */

static Transfer *
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
static void
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
	transfer->body_cut = false;
	transfer->request_sent = false;
	transfer->body_received = 0;
	transfer->headers_received = 0;
	transfer->body_length = 0;
	transfer->retry_after[0] = '\0';
	transfer->error[0] = '\0';
	transfer->curl_error[0] = '\0';
	transfer->status = 0;
	transfer->token_refused = false;
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

/* Start a transfer, or start it again after it had to wait. */
static bool
begin_transfer(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;
	long		remaining = Max(1, transfer->deadline - monotonic_ms());
	TokenSupply supply = TOKEN_READY;
	bool		started;

	clear_notes(transfer);
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

/* Its host is being looked up, or there is no descriptor: try again soon. */
static void
wait_transfer(Transfer *transfer)
{
	TransferEngine *engine = transfer->engine;

	if (transfer->out_of_descriptors && engine->open_sockets > 0 &&
		engine->connection_limit > engine->open_sockets)
	{
		engine->connection_limit = engine->open_sockets;
		engine->limit_is_news = true;
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
	if (transfer->error[0] != '\0')
		return;
	if (transfer->refused_by_policy)
		strlcpy(transfer->error,
				"the host's address may not be contacted (appt.allowed_addresses)",
				ERROR_SIZE);
	else if (transfer->result == CURLE_ABORTED_BY_CALLBACK)
		strlcpy(transfer->error,
				"the connection closed before an answer came", ERROR_SIZE);
	else if (transfer->curl_error[0] != '\0')
		strlcpy(transfer->error, transfer->curl_error, ERROR_SIZE);
	else
		strlcpy(transfer->error, curl_easy_strerror(transfer->result), ERROR_SIZE);
}

/* The transfer has its result; its response is to be taken. */
static void
finish_transfer(Transfer *transfer, CURLcode result)
{
	TransferEngine *engine = transfer->engine;

	transfer->result = result;
	transfer->refused_by_policy = result != CURLE_OK &&
		transfer->address_refused && !transfer->address_opened;
	if (result != CURLE_OK)
		describe_failure(transfer);
	transfer->finished_at = GetCurrentTimestamp();
	dlist_delete(&transfer->node);
	engine->in_flight--;
	engine->may_unblock = true;
	release_host(engine, transfer->host);
	transfer->host = NULL;
	mask_token(transfer);
	release_token(transfer);
	if (transfer->fetched_token != NULL)
		finish_token(transfer);
	else
		dlist_push_tail(&engine->finished, &transfer->node);
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
			finish_transfer(other, result);
		}
	}
}

/* libcurl is done with a transfer, or with connecting a session. */
static void
read_result(TransferEngine *engine, Transfer *transfer, CURLcode result)
{
	CURL	   *easy = transfer->session ? transfer->session->easy : transfer->easy;
	long		status = 0;
	bool		lookup_failed = transfer->looking_up;

	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	transfer->status = status;
	end_lookup(transfer, result == CURLE_OPERATION_TIMEDOUT);

	if (transfer->session != NULL && result == CURLE_OK)
	{
		begin_dialogue(transfer->session);
		return;
	}
	if (transfer->session != NULL)
	{
		/* A 220 or 250 before the failure is no answer to the mail. */
		if (transfer->status < 400)
			transfer->status = 0;
		end_session(transfer->session);
	}
	else
		curl_multi_remove_handle(engine->multi, easy);

	if (result != CURLE_OK && (transfer->must_wait || transfer->out_of_descriptors))
	{
		wait_transfer(transfer);
		return;
	}
	if (result == CURLE_WRITE_ERROR && transfer->body_cut)
		result = CURLE_OK;
	if (result == CURLE_OK && transfer->status == 401 && refresh_token(transfer))
		return;
	if (lookup_failed && result != CURLE_OK)
	{
		strlcpy(transfer->error,
				result == CURLE_OPERATION_TIMEDOUT ?
				"the host name could not be looked up in time" :
				"the host name could not be looked up", ERROR_SIZE);
		fail_waiting(engine, transfer->host, result, transfer->error);
	}
	finish_transfer(transfer, result);
}

/* Try again what had to wait, and give up what waited too long. */
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
		if (now >= transfer->deadline)
		{
			strlcpy(transfer->error, transfer->must_wait ?
					"the host name could not be looked up in time" :
					"no descriptor for a connection became free in time", ERROR_SIZE);
			finish_transfer(transfer, CURLE_OPERATION_TIMEDOUT);
		}
		else if (engine->may_unblock &&
				 (!transfer->must_wait || lookup_may_start(engine, transfer->host)))
		{
			dlist_delete(&transfer->node);
			if (!begin_transfer(transfer))
			{
				dlist_push_tail(&engine->busy, &transfer->node);
				finish_transfer(transfer, CURLE_OUT_OF_MEMORY);
			}
		}
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
		end_lookup(transfer, true);
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

/* Pass what epoll reports on to libcurl or to a session. */
static void
run_events(TransferEngine *engine)
{
	struct epoll_event events[EVENT_BATCH];
	int			count;
	int			running;

	do
	{
		count = epoll_wait(engine->epoll_fd, events, EVENT_BATCH, 0);
		for (int i = 0; i < count; i++)
		{
			int			fd = events[i].data.fd;
			SocketState *state = socket_state(engine, fd);
			int			mask = 0;

			if (state == NULL || state->registered == 0)
				continue;		/* closed since, by an earlier event */
			if (state->session != NULL)
			{
				run_session(state->session);
				continue;
			}
			if (state->wanted == 0)
			{
				/* A kept connection was closed by its server. */
				(void) epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, &events[i]);
				state->registered = 0;
				continue;
			}
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
				mask |= CURL_CSELECT_IN;
			if (events[i].events & EPOLLOUT)
				mask |= CURL_CSELECT_OUT;
			if (events[i].events & EPOLLERR)
				mask |= CURL_CSELECT_ERR;
			curl_multi_socket_action(engine->multi, fd, mask, &running);
		}
	} while (count == EVENT_BATCH);
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
		read_result(engine, transfer, result);
	}
}

/*
 * What others may call.
 */

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

	control.keysize = HOST_KEY_SIZE;
	control.entrysize = sizeof(Host);
	control.hcxt = context;
	engine->hosts = hash_create("appt transfer hosts", 256, &control,
								HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);

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
		lower(&at, dlist_container(Transfer, node, iter.cur)->deadline);
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
	Host	   *host = find_host(engine, request->url, HASH_ENTER);
	Transfer   *transfer = unused_transfer(engine);
	int64		now = monotonic_ms();
	sigset_t	signals;
	bool		started = true;

	if (transfer == NULL)
		return false;
	assign_transfer(transfer, request, host, now + appt_request_timeout);
	transfer->tag = tag;

	block_signals(&signals);
	if (host->lookup_hangs_until > now)
	{
		clear_notes(transfer);
		strlcpy(transfer->error,
				"the host name could not be looked up: an earlier look-up of it hangs",
				ERROR_SIZE);
		dlist_push_tail(&engine->busy, &transfer->node);
		finish_transfer(transfer, CURLE_COULDNT_RESOLVE_HOST);
	}
	else
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

	if (engine->limit_is_news)
	{
		engine->limit_is_news = false;
		ereport(LOG,
				(errmsg("appt ran out of file descriptors and will use at most %d connections",
						engine->connection_limit),
				 errhint("Raise max_files_per_process or lower appt.max_concurrency.")));
	}
	if (hash_get_num_entries(engine->hosts) > engine->in_flight + 1000)
		sweep_hosts(engine);
}

Response *
transfer_take(TransferEngine *engine, void **tag)
{
	Transfer   *transfer;
	Response   *response;

	if (dlist_is_empty(&engine->finished))
		return NULL;
	transfer = dlist_head_element(Transfer, node, &engine->finished);
	transfer->body[transfer->body_length] = '\0';

	response = palloc0(sizeof(Response));
	response->curl_result = transfer->result;
	response->status = transfer->status;
	response->refused_by_policy = transfer->refused_by_policy;
	response->token_refused = transfer->token_refused;
	response->started_at = transfer->started_at;
	response->finished_at = transfer->finished_at;
	if (transfer->error[0] != '\0')
		response->error = pstrdup(transfer->error);
	if (transfer->body_length > 0)
		response->body = pnstrdup(transfer->body, transfer->body_length);
	if (transfer->retry_after[0] != '\0')
		response->retry_after = pstrdup(transfer->retry_after);
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

int
transfer_host_room(TransferEngine *engine, const char *url)
{
	Host	   *host = find_host(engine, url, HASH_FIND);

	return Max(0, appt_max_per_host - (host ? host->in_flight : 0));
}

void
transfer_engine_abandon(TransferEngine *engine)
{
	sigset_t	signals;

	block_signals(&signals);
	while (!dlist_is_empty(&engine->waiting))
		finish_transfer(dlist_head_element(Transfer, node, &engine->waiting),
						CURLE_ABORTED_BY_CALLBACK);
	while (!dlist_is_empty(&engine->busy))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &engine->busy);

		end_lookup(transfer, true);
		curl_multi_remove_handle(engine->multi, transfer->easy);
		finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	while (!dlist_is_empty(&engine->mails))
	{
		Transfer   *transfer = dlist_head_element(Transfer, node, &engine->mails);

		end_lookup(transfer, true);
		end_session(transfer->session);
		finish_transfer(transfer, CURLE_ABORTED_BY_CALLBACK);
	}
	unblock_signals(&signals);

	/* The tags are forgotten. */
	while (!dlist_is_empty(&engine->finished))
	{
		Transfer   *transfer = dlist_container(Transfer, node,
											   dlist_pop_head_node(&engine->finished));

		dlist_push_head(&engine->unused, &transfer->node);
	}
}
