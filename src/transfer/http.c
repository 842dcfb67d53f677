/*
 * http.c
 *		HTTP requests on easy handles that are set up once and used for many.
 *
 * What comes back is bounded, because a server could otherwise hold the worker:
 * by a header without an end, a body without an end, a body that grows when it is
 * decompressed, or chunks with much framing and little content.
 */
#include "postgres.h"

#include <linux/tcp.h>
#include <netinet/in.h>

#include "core/settings.h"
#include "transfer/easy_handle.h"
#include "transfer/http.h"

/* Calls by libcurl for each look at what has come; it reads up to 100 buffers between two calls. */
#define TURNS_BETWEEN_LOOKS 8
#define MOST_TURNS_AT_ONCE 32

/* If the line begins with this name and its colon, copy its value, cut to `size`. */
static bool
read_header(const char *bytes, size_t length, const char *name, char *value, size_t size)
{
	size_t		name_length = strlen(name);

	if (length <= name_length || pg_strncasecmp(bytes, name, name_length) != 0)
		return false;
	keep_value(value, size, bytes + name_length, length - name_length);
	return true;
}

/*
 * libcurl decompresses a body by its Transfer-Encoding even if nobody asked for
 * it, and several times over if there are several codings. A few bytes can then
 * keep it busy for hours within one call, without output at which it could be
 * stopped. So such a body is not read, nor one whose coding a 1xx announced.
 */
static size_t
header_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	Transfer   *transfer = clientp;
	Progress   *progress = &transfer->progress;
	size_t		length = size * count;
	char		coding[16];

	progress->headers_received += length;
	if (progress->headers_received > HEADER_LIMIT)
	{
		progress->header_cut = true;
		return 0;
	}
	if (bytes[0] == '\r' || bytes[0] == '\n')
	{
		progress->header_ended = true;
		progress->body_cut = progress->is_compressed;
		return progress->is_compressed ? 0 : length;
	}
	/* Another status line: the header before it was that of a 1xx. */
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
	{
		progress->retry_after[0] = '\0';
		progress->header_ended = false;
	}
	else if (read_header(bytes, length, "transfer-encoding:", coding, sizeof(coding)))
		progress->is_compressed |= pg_strcasecmp(coding, "chunked") != 0;
	else
		(void) read_header(bytes, length, "retry-after:", progress->retry_after, RETRY_AFTER_SIZE);
	return length;
}

/* Bytes that the connection has received since it was made; 0 if that is unknown. */
static uint64
bytes_received(curl_socket_t fd)
{
	struct tcp_info info = {0};
	socklen_t	size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

/* Has more come than a body may have, framing included? The connection may be older than the body. */
static bool
is_too_long(Progress *progress)
{
	uint64		so_far;

	/*
	 * libcurl has not waited for its socket yet: all that it read was there
	 * at once.
	 */
	if (progress->socket == CURL_SOCKET_BAD)
		return progress->body_turns > MOST_TURNS_AT_ONCE;
	so_far = bytes_received(progress->socket);
	if (progress->bytes_at_first_look == 0)
		progress->bytes_at_first_look = so_far;
	return so_far - progress->bytes_at_first_look > 2 * BODY_LIMIT;
}

/*
 * libcurl calls this after it has read something. It drops the framing of a
 * chunked body without telling, and turns to no other transfer while more comes:
 * one fast server would hold up all transfers until its timeout.
 */
static int
progress_callback(void *clientp, curl_off_t to_receive, curl_off_t received,
				  curl_off_t to_send, curl_off_t sent)
{
	Transfer   *transfer = clientp;
	Progress   *progress = &transfer->progress;

	if (!progress->header_ended || ++progress->body_turns % TURNS_BETWEEN_LOOKS != 0)
		return 0;
	progress->body_cut = is_too_long(progress);
	return progress->body_cut ? 1 : 0;
}

static bool
set_http_options(CURL *easy, Transfer *transfer)
{
	SETOPT(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SETOPT(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	SETOPT(easy, CURLOPT_HTTPAUTH, (long) CURLAUTH_BASIC);
	SETOPT(easy, CURLOPT_HEADERFUNCTION, header_callback);
	SETOPT(easy, CURLOPT_NOPROGRESS, 0L);
	SETOPT(easy, CURLOPT_XFERINFOFUNCTION, progress_callback);
	SETOPT(easy, CURLOPT_XFERINFODATA, transfer);
	return true;
}

/* Tell the handle its timeouts, if they changed since it was last told. */
static bool
set_timeouts(Transfer *transfer)
{
	long		remaining = time_left(transfer);
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
}

/* The handle is made at its first use. */
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
	return set_common_options(transfer->easy, transfer) &&
		set_http_options(transfer->easy, transfer);
}

/*
 * The list of header lines is built of nodes in the transfer, because libcurl
 * only reads it. "Expect:" keeps libcurl from waiting for a 100 Continue.
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

/* Set all that the method needs: the handle may have had another method before. */
static bool
set_method(Transfer *transfer)
{
	const Request *request = transfer->request;
	const char *method = request->method ? request->method : "POST";

	if (strcmp(method, "GET") == 0)
	{
		SETOPT(transfer->easy, CURLOPT_CUSTOMREQUEST, NULL);
		SETOPT(transfer->easy, CURLOPT_HTTPGET, 1L);
		return true;
	}

	/*
	 * A PUT is sent as a POST of another name: libcurl's PUT would read the
	 * body by a callback.
	 */
	SETOPT(transfer->easy, CURLOPT_POST, 1L);
	SETOPT(transfer->easy, CURLOPT_CUSTOMREQUEST, strcmp(method, "PUT") == 0 ? method : NULL);
	SETOPT(transfer->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_length);
	SETOPT(transfer->easy, CURLOPT_POSTFIELDS, request->body ? request->body : "");
	return true;
}

static bool
set_request(Transfer *transfer)
{
	SETOPT(transfer->easy, CURLOPT_URL, transfer->request->url);
	SETOPT(transfer->easy, CURLOPT_DNS_CACHE_TIMEOUT,
		   address_cache_seconds(&transfer->engine->hosts, transfer->host));
	return set_method(transfer) && set_headers(transfer) && set_http_credentials(transfer) &&
		set_timeouts(transfer) && update_ca_file(transfer);
}

bool
start_http(Transfer *transfer)
{
	if (provide_easy(transfer) && set_request(transfer) &&
		curl_multi_add_handle(transfer->engine->multi, transfer->easy) == CURLM_OK)
		return true;
	discard_easy(transfer);
	return false;
}
