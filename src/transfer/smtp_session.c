/*
 * smtp_session.c
 *		SMTP sessions: connected by libcurl, spoken to by smtp_dialogue.c, kept
 *		for the next mail by the same route.
 *
 * While libcurl connects and logs in, it has the socket. Then the session takes
 * the socket over and talks through curl_easy_send() and curl_easy_recv(), which
 * encrypt and never block.
 *
 * The server may have closed a kept session. Nothing was delivered if the end of
 * the message was not sent: the mail then goes over a new connection within the
 * same attempt. Later a broken connection is a failure, because the mail may have
 * arrived.
 */
#include "postgres.h"

#include "core/reachable.h"
#include "core/settings.h"
#include "transfer/clock.h"
#include "transfer/easy_handle.h"
#include "transfer/smtp_dialogue.h"
#include "transfer/smtp_session.h"
#include "transfer/tls.h"

/* Mail servers limit the mails of one connection, usually to 100. */
#define MAILS_PER_SESSION 100

/* Over TLS one read may return a single byte, and costs the decryption of a record. */
#define READS_AT_ONCE 16

struct SmtpSession
{
	dlist_node	node;			/* in idle_sessions while idle */
	Engine	   *engine;
	CURL	   *easy;
	Transfer   *transfer;		/* NULL while idle */
	char	   *key;			/* which mails it may carry */
	curl_socket_t socket;		/* CURL_SOCKET_BAD until connected */
	bool		is_reused;		/* this is not its first mail */
	bool		must_reset;		/* the last transaction broke off */
	bool		may_pipeline;	/* the server offers PIPELINING */
	int			mails;
	int64		idle_since;		/* monotonic ms */
	SmtpDialogue dialogue;
};

/*
 * Note if the server offers PIPELINING. An offer before STARTTLS does not count
 * afterwards (RFC 3207): the reply to STARTTLS, like the greeting, is a 220.
 */
static void
note_offer(SmtpSession *session, const char *line, size_t length)
{
	static const char offer[] = "PIPELINING";

	if (length < 4)
		return;
	if (memcmp(line, "220", 3) == 0)
		session->may_pipeline = false;
	else if (memcmp(line, "250", 3) == 0 && length >= 4 + strlen(offer) &&
			 pg_strncasecmp(line + 4, offer, strlen(offer)) == 0 &&
			 (length == 4 + strlen(offer) || strchr(" \r\n", line[4 + strlen(offer)]) != NULL))
		session->may_pipeline = true;
}

/* While a session connects, libcurl passes the server's lines as headers. */
static size_t
greeting_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	Transfer   *transfer = clientp;
	size_t		length = size * count;

	transfer->progress.headers_received += length;
	if (transfer->progress.headers_received > HEADER_LIMIT)
		return 0;
	keep_value(transfer->body, SMTP_LINE_SIZE, bytes, length);
	transfer->progress.body_length = strlen(transfer->body);
	note_offer(transfer->session, bytes, length);
	return length;
}

/*
 * Which mails a session may carry: those with the same server, user and degree of
 * encryption. A session that a token opened is used on after the token expired.
 */
static char *
session_key(const Request *request)
{
	const char *parts[] = {
		request->url, request->username, request->password, request->token_url,
		request->token_client, request->token_scope, ca_file()
	};
	size_t		size = 16;
	size_t		length;
	char	   *key;

	for (int i = 0; i < lengthof(parts); i++)
		size += (parts[i] ? strlen(parts[i]) : 0) + 1;
	key = malloc(size);
	if (key == NULL)
		return NULL;
	length = snprintf(key, size, "%d", (int) request->starttls);
	for (int i = 0; i < lengthof(parts); i++)
		length += snprintf(key + length, size - length, "\n%s", parts[i] ? parts[i] : "");
	return key;
}

/*
 * Allow the usual ways to log in. libcurl would prefer others if the server
 * offers them: Kerberos, which blocks while it asks the network, NTLM, or
 * EXTERNAL if there is no password.
 */
static bool
set_login(SmtpSession *session, Transfer *transfer)
{
	const Request *request = transfer->request;

	if (request->username == NULL)
		return true;
	SETOPT(session->easy, CURLOPT_USERNAME, request->username);
	if (transfer->authorization != NULL)
	{
		SETOPT(session->easy, CURLOPT_XOAUTH2_BEARER, token_of(transfer));
		SETOPT(session->easy, CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2;AUTH=OAUTHBEARER");
		return true;
	}
	SETOPT(session->easy, CURLOPT_PASSWORD, request->password ? request->password : "");
	SETOPT(session->easy, CURLOPT_LOGIN_OPTIONS, "AUTH=CRAM-MD5;AUTH=PLAIN;AUTH=LOGIN");
	return true;
}

static bool
set_session_options(SmtpSession *session, Transfer *transfer)
{
	long		remaining = time_left(transfer);
	const Request *request = transfer->request;
	static const long use_ssl[] = {
		[STARTTLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
		[STARTTLS_REQUIRED] = CURLUSESSL_ALL,
		[STARTTLS_NEVER] = CURLUSESSL_NONE
	};

	if (!set_common_options(session->easy, transfer))
		return false;
	SETOPT(session->easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	SETOPT(session->easy, CURLOPT_URL, request->url);
	SETOPT(session->easy, CURLOPT_DNS_CACHE_TIMEOUT,
		   address_cache_seconds(&session->engine->hosts, transfer->host));
	SETOPT(session->easy, CURLOPT_CONNECT_ONLY, 1L);
	SETOPT(session->easy, CURLOPT_HEADERFUNCTION, greeting_callback);
	SETOPT(session->easy, CURLOPT_USE_SSL, use_ssl[request->starttls]);
	/* libcurl's connect timeout would include the server's greeting. */
	SETOPT(session->easy, CURLOPT_CONNECTTIMEOUT_MS, remaining);
	SETOPT(session->easy, CURLOPT_TIMEOUT_MS, remaining);
	SETOPT(session->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, Max(1L, remaining / 1000));
	return set_login(session, transfer) && set_ca_file(session->easy, ca_file());
}

/*
 * libcurl takes the connection of a CONNECT_ONLY handle for dead when the handle
 * is removed. It sends no QUIT and waits for nothing.
 */
static void
free_session(SmtpSession *session)
{
	if (session->socket != CURL_SOCKET_BAD)
		unwatch_socket(&session->engine->sockets, session->socket);
	if (session->easy != NULL)
	{
		curl_multi_remove_handle(session->engine->multi, session->easy);
		curl_easy_cleanup(session->easy);
	}
	free(session->key);
	free(session);
}

void
end_session(SmtpSession *session)
{
	session->transfer->session = NULL;
	free_session(session);
}

static void
end_idle_session(SmtpSession *session)
{
	dlist_delete(&session->node);
	free_session(session);
}

/* Begin to connect. */
static bool
open_session(Transfer *transfer)
{
	SmtpSession *session = calloc(1, sizeof(SmtpSession));

	if (session == NULL)
		return false;
	session->engine = transfer->engine;
	session->socket = CURL_SOCKET_BAD;
	session->transfer = transfer;
	transfer->session = session;
	/* An error of a kept session says nothing about this one. */
	transfer->progress.curl_error[0] = '\0';
	session->key = session_key(transfer->request);
	session->easy = curl_easy_init();
	if (session->key != NULL && session->easy != NULL &&
		set_session_options(session, transfer) &&
		curl_multi_add_handle(transfer->engine->multi, session->easy) == CURLM_OK)
		return true;
	end_session(session);
	return false;
}

/*
 * A server that refuses a token says 334 with the reason in base64, and 535 after
 * the client has acknowledged that. libcurl does not wait for the 535.
 */
static int
login_status(const Transfer *transfer)
{
	return transfer->authorization != NULL && transfer->progress.status == 334 ? 535 : transfer->progress.status;
}

bool
fail_session(Transfer *transfer, CURLcode result)
{
	Progress   *progress = &transfer->progress;
	bool		is_login = result == CURLE_LOGIN_DENIED;

	end_session(transfer->session);
	if (is_login)
		progress->status = login_status(transfer);
	if (is_login && progress->status < 300)
		strlcpy(progress->error, transfer->authorization != NULL ?
				"the mail server offers no login by token (XOAUTH2, OAUTHBEARER)" :
				"the mail server offers no login that is known (PLAIN, LOGIN, CRAM-MD5)",
				ERROR_SIZE);
	/* A 220 or 250 before the failure does not answer the mail. */
	if (progress->status < 400)
		progress->status = 0;
	return is_login && progress->status >= 500;
}

/* Close an idle session, with a QUIT if that is possible at once. */
static void
quit_session(SmtpSession *session)
{
	size_t		sent;

	(void) curl_easy_send(session->easy, "QUIT\r\n", 6, &sent);
	end_idle_session(session);
}

void
close_idle_session(Engine *engine)
{
	if (!dlist_is_empty(&engine->idle_sessions))
		quit_session(dlist_tail_element(SmtpSession, node, &engine->idle_sessions));
}

/* May the address that the session is connected to still be contacted? */
static bool
session_is_reachable(SmtpSession *session)
{
	struct sockaddr_storage address;
	socklen_t	length = sizeof(address);

	return getpeername(session->socket, (struct sockaddr *) &address, &length) == 0 &&
		address_is_reachable((struct sockaddr *) &address, appt_allowed_addresses);
}

/* Keep the session for the next mail. */
static void
release_session(SmtpSession *session)
{
	session->transfer->session = NULL;
	session->transfer = NULL;
	curl_easy_setopt(session->easy, CURLOPT_ERRORBUFFER, NULL);
	session->idle_since = monotonic_ms();
	dlist_push_head(&session->engine->idle_sessions, &session->node);
	/* Whatever comes now means that the server closes it. */
	register_events(&session->engine->sockets, session->socket, EPOLLIN);
	if (session->mails >= MAILS_PER_SESSION)
		quit_session(session);
}

/* The transfer ends with the server's answer; the session is kept or closed. */
static void
finish_mail(SmtpSession *session)
{
	Transfer   *transfer = session->transfer;
	Progress   *progress = &transfer->progress;
	SmtpDialogue *dialogue = &session->dialogue;
	CURLcode	result = CURLE_OK;

	progress->status = dialogue->code;
	progress->body_length = strlcpy(transfer->body, dialogue->reply, KEPT_BODY_SIZE);
	session->mails++;
	session->must_reset = false;
	if (dialogue->step == SMTP_REFUSED)
	{
		snprintf(progress->error, ERROR_SIZE, "the mail server refused %s: %s",
				 dialogue->refused_command, dialogue->reply);
		progress->recipient_refused = dialogue->refused_recipient;
		result = CURLE_SEND_ERROR;
		session->must_reset = true;
	}
	else if (dialogue->step == SMTP_GARBLED)
	{
		snprintf(progress->error, ERROR_SIZE, "the mail server does not follow SMTP");
		progress->status = 0;
		result = CURLE_WEIRD_SERVER_REPLY;
	}

	/* 421: the server closes the connection. */
	if (dialogue->step == SMTP_GARBLED || dialogue->code == 421 || dialogue->must_close)
		end_session(session);
	else
		release_session(session);
	finish_transfer(transfer, result);
}

/*
 * The connection broke; `result` is CURLE_OK if the server closed it. A server
 * closes a kept session after some time: if the end of the message is not out,
 * connect anew within the same attempt.
 */
static void
break_session(SmtpSession *session, CURLcode result)
{
	Transfer   *transfer = session->transfer;
	bool		is_harmless = session->is_reused && !session->dialogue.end_queued;
	bool		end_queued = session->dialogue.end_queued;
	const char *of_tls = tls_failure(transfer->progress.curl_error);

	if (smtp_dialogue_close(&session->dialogue))
	{
		finish_mail(session);
		return;
	}
	end_session(session);
	if (is_harmless && open_session(transfer))
		return;
	if (of_tls == NULL)
		of_tls = end_queued ? "the connection broke before the mail server answered the message"
			: "the connection to the mail server broke";
	strlcpy(transfer->progress.error, of_tls, ERROR_SIZE);
	finish_transfer(transfer, result == CURLE_OK ? CURLE_RECV_ERROR : result);
}

/* Send what can be sent. False if the session has ended. */
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
			return register_events(&session->engine->sockets, session->socket,
								   EPOLLIN | EPOLLOUT);
		if (result != CURLE_OK)
		{
			break_session(session, result);
			return false;
		}
		smtp_dialogue_sent(&session->dialogue, sent);
	}
	return register_events(&session->engine->sockets, session->socket, EPOLLIN);
}

/* Receive what has come, in a bounded number of reads. False if the session has ended. */
static bool
receive_input(SmtpSession *session)
{
	char		bytes[4096];
	size_t		received;

	for (int reads = 0; !smtp_dialogue_is_over(&session->dialogue); reads++)
	{
		CURLcode	result;

		/*
		 * libcurl may hold the rest already. The socket can be written to, so
		 * EPOLLOUT makes the next run call us.
		 */
		if (reads == READS_AT_ONCE)
			return register_events(&session->engine->sockets, session->socket, EPOLLIN | EPOLLOUT);
		result = curl_easy_recv(session->easy, bytes, sizeof(bytes), &received);

		if (result == CURLE_AGAIN)
			return true;
		if (result != CURLE_OK || received == 0)
		{
			break_session(session, result);
			return false;
		}
		smtp_dialogue_receive(&session->dialogue, bytes, received);
		/* A reply may allow the next command. */
		if (!smtp_dialogue_is_over(&session->dialogue) && !send_output(session))
			return false;
	}
	return true;
}

/* The socket of a session is ready, or the session was given a mail. */
static void
run_session(void *argument)
{
	SmtpSession *session = argument;

	if (session->transfer == NULL)
	{
		/* Idle: the server closes it, or is confused. */
		end_idle_session(session);
		return;
	}
	if (!smtp_dialogue_is_over(&session->dialogue) && !send_output(session))
		return;
	if (!receive_input(session))
		return;
	if (!smtp_dialogue_is_over(&session->dialogue))
		return;
	/* A server may close a kept session by a 421 to the first command. */
	if (session->dialogue.code == 421 && session->is_reused &&
		!session->dialogue.end_queued)
		break_session(session, CURLE_RECV_ERROR);
	else
		finish_mail(session);
}

/* From now on the session watches its socket, not libcurl. */
static bool
take_over_socket(SmtpSession *session)
{
	curl_socket_t fd = CURL_SOCKET_BAD;

	curl_easy_getinfo(session->easy, CURLINFO_ACTIVESOCKET, &fd);
	if (fd == CURL_SOCKET_BAD ||
		!watch_socket(&session->engine->sockets, fd, run_session, session))
		return false;
	session->socket = fd;
	return true;
}

void
begin_dialogue(SmtpSession *session)
{
	if (session->socket == CURL_SOCKET_BAD && !take_over_socket(session))
	{
		break_session(session, CURLE_COULDNT_CONNECT);
		return;
	}
	session->transfer->progress.reach = REACH_CONNECTED;
	/* The lines of connecting do not answer the mail. */
	session->transfer->progress.body_length = 0;
	session->transfer->progress.status = 0;
	smtp_dialogue_begin(&session->dialogue, session->transfer->request,
						session->must_reset, session->may_pipeline);
	run_session(session);
}

static void
use_session(SmtpSession *session, Transfer *transfer)
{
	dlist_delete(&session->node);
	session->transfer = transfer;
	session->is_reused = true;
	transfer->session = session;
	curl_easy_setopt(session->easy, CURLOPT_ERRORBUFFER, transfer->progress.curl_error);
}

/* Take an idle session for the mail. False if there is none. */
static bool
take_idle_session(Transfer *transfer, const char *key)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &transfer->engine->idle_sessions)
	{
		SmtpSession *session = dlist_container(SmtpSession, node, iter.cur);

		if (strcmp(session->key, key) != 0)
			continue;
		if (session_is_reachable(session))
		{
			use_session(session, transfer);
			return true;
		}
		end_idle_session(session);
	}
	return false;
}

bool
start_mail(Transfer *transfer)
{
	char	   *key = session_key(transfer->request);
	bool		is_connected;

	if (key == NULL)
		return false;
	is_connected = take_idle_session(transfer, key);
	free(key);
	if (!is_connected)
		return open_session(transfer);
	begin_dialogue(transfer->session);
	return true;
}

bool
mail_is_unsent(const SmtpSession *session)
{
	return session->socket == CURL_SOCKET_BAD || session->dialogue.step < SMTP_BODY;
}

CURL *
session_easy(const SmtpSession *session)
{
	return session->easy;
}

/* The deadline of a mail: that of connecting, until libcurl has connected and logged in. */
static int64
mail_deadline(const Transfer *transfer)
{
	return transfer->session->socket == CURL_SOCKET_BAD ?
		transfer->connect_deadline : transfer->deadline;
}

/*
 * The deadline of a mail has passed. If the connection is there, and only the
 * greeting or the login takes long, the mail has until its last deadline.
 */
static bool
awaits_greeting(Transfer *transfer, int64 now)
{
	curl_off_t	connect_time = 0;

	if (now >= transfer->deadline)
		return false;
	curl_easy_getinfo(transfer->session->easy, CURLINFO_CONNECT_TIME_T, &connect_time);
	if (connect_time > 0)
		transfer->connect_deadline = transfer->deadline;
	return connect_time > 0;
}

static void
time_out(Transfer *transfer)
{
	SmtpSession *session = transfer->session;

	transfer->progress.reach = how_far_it_came(transfer, session->easy, CURLE_OPERATION_TIMEDOUT);
	note_lookup_end(transfer, LOOKUP_HANGS);
	strlcpy(transfer->progress.error, session->socket == CURL_SOCKET_BAD ?
			"connecting to the mail server took too long" :
			"the mail server did not answer in time", ERROR_SIZE);
	transfer->progress.status = 0;
	end_session(session);
	finish_transfer(transfer, CURLE_OPERATION_TIMEDOUT);
}

/* When the session must be closed if it stays idle, monotonic ms. */
static int64
idle_until(const SmtpSession *session)
{
	return session->idle_since + IDLE_CONNECTION_SECONDS * 1000;
}

/* The same of the session that has been idle for longest; PG_INT64_MAX: there is none. */
static int64
next_idle_end(Engine *engine)
{
	if (dlist_is_empty(&engine->idle_sessions))
		return PG_INT64_MAX;
	return idle_until(dlist_tail_element(SmtpSession, node, &engine->idle_sessions));
}

int64
next_session_deadline(Engine *engine)
{
	int64		at = next_idle_end(engine);
	dlist_iter	iter;

	dlist_foreach(iter, &engine->mails)
		at = Min(at, mail_deadline(dlist_container(Transfer, node, iter.cur)));
	return at;
}

static void
close_old_sessions(Engine *engine, int64 now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &engine->idle_sessions)
	{
		SmtpSession *session = dlist_container(SmtpSession, node, iter.cur);

		if (now >= idle_until(session))
			quit_session(session);
	}
}

void
run_session_deadlines(Engine *engine, int64 now)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &engine->mails)
	{
		Transfer   *transfer = dlist_container(Transfer, node, iter.cur);

		if (now >= mail_deadline(transfer) && !awaits_greeting(transfer, now))
			time_out(transfer);
	}
	if (now >= next_idle_end(engine))
		close_old_sessions(engine, now);
}
