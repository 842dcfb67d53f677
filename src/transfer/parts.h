/*
 * parts.h
 *		What the files of the transfer engine share. Nobody else includes it.
 *
 * engine.c			the door: starting, running, taking
 * hosts.c		what is in flight to each host, look-ups bounded
 * sockets.c	sockets, events, and which addresses may be contacted
 * http.c		easy handles and what comes back over HTTP
 * tls.c		bounds on what a server may cost by TLS
 * smtp_session.c		SMTP sessions, around smtp_dialogue.c
 * token_fetch.c		waiting for OAuth2 tokens, around token.c
 * withdraw.c	ending before the message left
 *
 * All of it runs with every signal blocked, often inside of libcurl: nothing
 * may raise an error, memory that is needed then comes from malloc.
 */
#ifndef APPT_TRANSFER_PARTS_H
#define APPT_TRANSFER_PARTS_H

#include <curl/curl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include "lib/ilist.h"
#include "utils/hsearch.h"

#include "channel/destination.h"
#include "core/settings.h"
#include "transfer/smtp_dialogue.h"
#include "transfer/token.h"
#include "transfer/engine.h"

/* How much of a response's body is kept; the log takes its first 4 KB. */
#define KEPT_BODY_SIZE 8192

/* Past this many bytes of body, or twice as many with what frames them, the connection is dropped, the status stands. */
#define BODY_LIMIT (1024 * 1024)

/* Past this many bytes of header the response is no response. */
#define HEADER_LIMIT (256 * 1024)

#define RETRY_AFTER_SIZE 64
#define ERROR_SIZE 512

/* Name look-ups at once, those given up but perhaps still running included. */
#define LOOKUP_LIMIT 256

/* How long libcurl's cache keeps what was looked up. */
#define ADDRESSES_KEPT_SECONDS 60

/* Slots for hosts whose addresses were refused. */
#define DISTRUST_SLOTS 1024

/* So long may the thread of a look-up go on after we gave it up. */
#define LOOKUP_LINGER_MS 30000

/* Idle connections are not used again after this: servers close them. */
#define IDLE_CONNECTION_SECONDS 30

/* How long certificate authorities are taken for what their file said. */
#define AUTHORITIES_KEPT_SECONDS 300

/* Mail servers limit the mails of one connection, 100 being the usual value. */
#define MAILS_PER_SESSION 100

/* Events taken from epoll at once. */
#define EVENT_BATCH 128
#define BATCHES_AT_ONCE 8

/* Requests and their bodies are small; curl's own is 64 KB. */
#define UPLOAD_BUFFER_SIZE 16384
#define DOWNLOAD_BUFFER_SIZE 8192

/* How many header lines a request may have. */
#define HEADERS_LIMIT 128

typedef struct Host
{
	char		key[DESTINATION_SIZE];	/* hash key */
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
	bool		token_refreshed;	/* once, after it was refused */
	int64		deadline;		/* monotonic ms */
	int64		connect_deadline;

	/* What the callbacks noted. */
	bool		looking_up;
	bool		must_wait;		/* a look-up of the host is under way already */
	bool		out_of_descriptors;
	bool		address_refused;
	bool		address_opened;
	bool		kept_refused;	/* a kept connection's, that is: try a new one */
	bool		header_ended;
	bool		header_cut;
	bool		is_packed;		/* by a transfer coding: the body is not read */
	bool		body_cut;
	bool		request_sent;	/* once; it is not sent twice */
	size_t		body_received;
	curl_socket_t socket;		/* that libcurl waits for */
	int			body_turns;		/* of libcurl at reading it */
	uint64		bytes_at_first_look;	/* that its connection had received */
	size_t		headers_received;

	/* The response to be. */
	CURLcode	result;
	int			status;
	bool		refused_by_policy;
	bool		token_refused;	/* `status` is the token endpoint's */
	bool		token_failed;
	bool		is_untried;
	Reach		reach;
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
	bool		may_pipeline;	/* the server offers PIPELINING */
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
	int			reported_limit; /* the last one that the log was told */

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
	int64		distrusted_until[DISTRUST_SLOTS];	/* monotonic ms, by a host's hash */
	bool		may_unblock;	/* something ended: look at those waiting */
};

static inline int64
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64) now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For functions that set options of an easy handle and return false if that fails. */
#define SETOPT(easy, option, value) \
	do { \
		if (curl_easy_setopt(easy, option, value) != CURLE_OK) \
			return false; \
	} while (0)

/* engine.c */
extern void block_signals(sigset_t *before);
extern void unblock_signals(const sigset_t *before);
extern Transfer *unused_transfer(TransferEngine *engine);
extern void assign_transfer(Transfer *transfer, const Request *request,
							Host *host, int64 deadline);
/* False: it could not be started, and is in no list. */
extern bool begin_transfer(Transfer *transfer);
extern void restart_transfer(Transfer *transfer);
extern void finish_transfer(Transfer *transfer, CURLcode result);

/* withdraw.c */
extern void finish_untried(Transfer *transfer, const char *error);

/* How a look-up ends; the thread may go on unless it is over. */
typedef enum LookupEnd
{
	LOOKUP_OVER,
	LOOKUP_HANGS,				/* it was given up: its host is to be spared */
	LOOKUP_LEFT					/* who wanted it has gone */
} LookupEnd;

/* hosts.c; find_host: HASH_FIND or HASH_ENTER_NULL, may be NULL */
extern Host *find_host(TransferEngine *engine, const char *url, HASHACTION action);
extern void release_host(TransferEngine *engine, Host *host);
extern void sweep_hosts(TransferEngine *engine);
extern bool lookup_may_start(TransferEngine *engine, const Host *host);
extern bool lookup_may_be_left(TransferEngine *engine);
extern void end_lookup(Transfer *transfer, LookupEnd end);
extern void distrust_address(const Transfer *transfer);
extern long address_cache_seconds(const Transfer *transfer);
extern int	lookup_callback(void *resolver, void *reserved, void *clientp);

/* sockets.c */
extern SocketState *socket_state(TransferEngine *engine, int fd);
extern bool register_events(TransferEngine *engine, int fd, uint32 events);
extern void run_events(TransferEngine *engine);
extern int	socket_callback(CURL *easy, curl_socket_t fd, int what, void *clientp,
							void *socketp);
extern int	timer_callback(CURLM *multi, long timeout_ms, void *clientp);
extern curl_socket_t open_socket_callback(void *clientp, curlsocktype purpose,
										  struct curl_sockaddr *address);
extern int	close_socket_callback(void *clientp, curl_socket_t fd);
extern int	before_request_callback(void *clientp, char *peer, char *local,
									int peer_port, int local_port);

/* http.c */
extern bool start_http(Transfer *transfer, long remaining);
extern void discard_easy(Transfer *transfer);
extern bool set_common_options(TransferEngine *engine, CURL *easy, Transfer *transfer);
extern const char *ca_file(void);
extern bool set_ca_file(CURL *easy, const char *file);
extern void keep_value(char *value, size_t size, const char *bytes, size_t length);

/* tls.c; prepare_tls, once, raises an error if libcurl does not use our OpenSSL */
extern void prepare_tls(void);
extern bool set_tls_options(CURL *easy);
/* Begin to count anew for the next request over the handle's connection. */
extern void restart_message_count(CURL *easy);
/* What to tell of it if libcurl's error is that the server passed the limit; else NULL. */
extern const char *tls_failure(const char *curl_error);

/* smtp_session.c */
extern bool start_mail(Transfer *transfer, bool fresh);
extern bool fail_session(Transfer *transfer, CURLcode result);
extern void begin_dialogue(SmtpSession *session);
extern void run_session(SmtpSession *session);
extern void end_session(SmtpSession *session);
extern void quit_session(SmtpSession *session);

/* token_fetch.c */
typedef enum TokenSupply
{
	TOKEN_READY,				/* the transfer's header is made */
	TOKEN_AWAITED,				/* it waits in the token's queue, or has failed */
	TOKEN_IMPOSSIBLE			/* out of memory */
} TokenSupply;

extern List *token_headers(MemoryContext context);
extern TokenSupply provide_token(Transfer *transfer);
extern void finish_token(Transfer *fetch);
extern const char *token_of(const Transfer *transfer);
extern bool refresh_token(Transfer *transfer);
extern void leave_token(Transfer *transfer);
extern void release_token(Transfer *transfer);

#endif							/* APPT_TRANSFER_PARTS_H */
