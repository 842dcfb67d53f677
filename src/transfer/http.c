/*
 * http.c
 *		HTTP requests on easy handles that are set up once and used for many,
 *		and what comes back.
 */
#include "postgres.h"

#include <linux/tcp.h>
#include <netinet/in.h>

#include "core/settings.h"
#include "transfer/easy_handle.h"
#include "transfer/http.h"

/* A look at how much came, for every so many turns of libcurl: it reads up to 100 buffers in one. */
#define TURNS_BETWEEN_LOOKS 2

/* Does the line begin with this name and its colon? Then the value, as far as there is room for it. */
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
 * libcurl unpacks what is packed for the way, asked for or not, and several
 * times over if told so: a few bytes can then keep it busy for hours within one
 * call, with no output that we could stop it at. Such a body is not read, nor
 * one behind a 1xx that announced it.
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
		progress->body_cut = progress->is_packed;
		return progress->is_packed ? 0 : length;
	}
	/* A status line begins anew: what came before was a 100 Continue. */
	if (length > 5 && memcmp(bytes, "HTTP/", 5) == 0)
	{
		progress->retry_after[0] = '\0';
		progress->header_ended = false;
	}
	else if (read_header(bytes, length, "transfer-encoding:", coding, sizeof(coding)))
		progress->is_packed |= pg_strcasecmp(coding, "chunked") != 0;
	else
		(void) read_header(bytes, length, "retry-after:", progress->retry_after, RETRY_AFTER_SIZE);
	return length;
}

/* What a connection has received since it was made; 0 if that can't be told. */
static uint64
bytes_received(curl_socket_t fd)
{
	struct tcp_info info = {0};
	socklen_t	size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

/*
 * libcurl has read something. What stands beside the pieces of a chunked body
 * it throws away without telling, and as long as more comes it does not turn to
 * anybody else: one fast endpoint would hold up all transfers until its time is
 * over.
 */
static int
progress_callback(void *clientp, curl_off_t to_receive, curl_off_t received,
				  curl_off_t to_send, curl_off_t sent)
{
	Transfer   *transfer = clientp;
	Progress   *progress = &transfer->progress;
	uint64		so_far;

	if (!progress->header_ended || ++progress->body_turns % TURNS_BETWEEN_LOOKS != 0)
		return 0;
	so_far = bytes_received(progress->socket);
	/* The connection may be older than this body. */
	if (progress->body_turns == TURNS_BETWEEN_LOOKS)
		progress->bytes_at_first_look = so_far;
	progress->body_cut = so_far - progress->bytes_at_first_look > 2 * BODY_LIMIT;
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

/* The settings as they are now, if they changed since the handle was told. */
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
	return set_common_options(transfer->easy, transfer) &&
		set_http_options(transfer->easy, transfer);
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

/* The handle may have done something else before. */
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
	 * A PUT is a POST but for its name: libcurl's own would read the body by
	 * a callback.
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
