/*
 * transfer.h
 *		One transfer: a request under way and what is known of it.
 *
 * A Transfer is always in exactly one list, that of its state (engine_state.h).
 * Every function here may be called from within libcurl's callbacks: none of
 * them starts, stops or continues a transfer, or raises an error.
 */
#ifndef APPT_TRANSFER_H
#define APPT_TRANSFER_H

#include <curl/curl.h>

#include "lib/ilist.h"

#include "channel/request.h"
#include "channel/response.h"
#include "transfer/engine_state.h"
#include "transfer/token.h"

/* How much of a response's body is kept; the log takes its first 4 KB. */
#define KEPT_BODY_SIZE 8192

#define RETRY_AFTER_SIZE 64
#define ERROR_SIZE 512

/* How many header lines a request may have. */
#define HEADERS_LIMIT 128

struct SmtpSession;

/* What is known of one try; forgotten when the transfer begins again. */
typedef struct Progress
{
	/* Noted by callbacks. */
	bool		must_wait;		/* a look-up of the host is under way already */
	bool		out_of_descriptors;
	bool		address_refused;
	bool		address_opened;
	bool		kept_refused;	/* the address of a kept connection */
	bool		header_ended;
	bool		header_cut;
	bool		is_compressed;	/* so the body is not read */
	bool		body_cut;
	bool		request_sent;	/* so it is not sent again */
	size_t		body_received;
	curl_socket_t socket;		/* that libcurl waits for */
	int			body_turns;		/* how often libcurl read the body */
	uint64		bytes_at_first_look;	/* that the connection had received */
	size_t		headers_received;

	/* The response to be. */
	CURLcode	result;
	int			status;
	bool		refused_by_policy;
	bool		token_refused;	/* `status` is the token endpoint's */
	bool		token_failed;
	bool		recipient_refused;
	bool		is_untried;
	Reach		reach;
	TimestampTz finished_at;
	size_t		body_length;	/* of Transfer.body */
	char		retry_after[RETRY_AFTER_SIZE];
	char		error[ERROR_SIZE];
	char		curl_error[CURL_ERROR_SIZE];
} Progress;

typedef struct Transfer
{
	dlist_node	node;			/* in the list of its state */
	Engine	   *engine;
	const Request *request;
	void	   *tag;
	Host	   *host;			/* NULL once it has ended */
	CURL	   *easy;			/* HTTP; an SMTP session has its own */
	struct SmtpSession *session;	/* SMTP, while one carries it */
	Token	   *token;			/* that it is sent with, or waits for */
	Token	   *fetched_token;	/* of a fetch: what its answer is for */
	char	   *authorization;	/* the header with the token, malloc'ed */
	bool		token_granted;	/* use the token, however short its lifetime */
	bool		token_renewed;	/* the receiver refused a first token */
	int64		deadline;		/* monotonic ms */
	int64		connect_deadline;	/* of a mail, monotonic ms */
	bool		looking_up;		/* so is its host */
	TimestampTz started_at;

	Progress	progress;
	char		body[KEPT_BODY_SIZE];

	/* What the easy handle was last told, to tell it only what changes. */
	int			set_connect_timeout;
	int			set_request_timeout;
	bool		set_credentials;
	char	   *set_ca_file;
	struct curl_slist headers[HEADERS_LIMIT + 2];
} Transfer;

/*
 * A transfer in `busy` that counts as in flight, for a request that must outlive
 * it. NULL if out of memory. deadline: monotonic ms.
 */
extern Transfer *new_transfer(Engine *engine, const Request *request, int64 deadline);

/* Undo new_transfer(): nothing was sent, there is no response. */
extern void drop_transfer(Transfer *transfer);

/* The response was taken: the transfer may be used again. It must be in no list. */
extern void reuse_transfer(Transfer *transfer);

/* Move a transfer from its list to the end of another. */
extern void move_transfer(Transfer *transfer, dlist_head *list);

/* Milliseconds until its deadline, 1 at least. */
extern long time_left(const Transfer *transfer);

/* libcurl looks up the host's name for this transfer. */
extern void note_lookup_begin(Transfer *transfer);

/* The transfer's look-up ends, if one is under way. */
extern void note_lookup_end(Transfer *transfer, LookupEnd end);

/* How far the transfer came with its host; call it before note_lookup_end(). */
extern Reach how_far_it_came(const Transfer *transfer, CURL *easy, CURLcode result);

/* Authorize the transfer with this token, which is copied. False if out of memory. */
extern bool authorize_transfer(Transfer *transfer, const char *token);

/* The token that the transfer is authorized with, or NULL. */
extern const char *token_of(const Transfer *transfer);

/* Forget that token, and the one that the transfer waits for. */
extern void release_token(Transfer *transfer);

/*
 * The transfer has its result. It leaves its list for `finished`, or for
 * `fetched` if its answer is a token. It must be out of libcurl's hands.
 */
extern void finish_transfer(Transfer *transfer, CURLcode result);

/* The same for one that ends without having been tried: it was no attempt. */
extern void finish_untried(Transfer *transfer, const char *error);

#endif							/* APPT_TRANSFER_H */
