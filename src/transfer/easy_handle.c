/*
 * easy_handle.c
 *		What libcurl is told for every transfer, HTTP or SMTP.
 *
 * Before it looks up a name, opens a socket or uses a connection libcurl asks
 * here. Each address is checked when its socket is about to be opened, and again
 * before every request, because the connection may be older than the present
 * setting. The callbacks run inside libcurl: they only note what happened in
 * the transfer, raise no error and allocate nothing in PostgreSQL's memory.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/reachable.h"
#include "core/settings.h"
#include "transfer/easy_handle.h"
#include "transfer/tls.h"

/* How long certificate authorities are kept in memory before their file is read again. */
#define AUTHORITIES_KEPT_SECONDS 300

/* Requests and their bodies are small; libcurl's own buffer has 64 KB. */
#define UPLOAD_BUFFER_SIZE 16384
#define DOWNLOAD_BUFFER_SIZE 8192

/* libcurl is about to look up a name that is not in its cache. */
static int
lookup_callback(void *resolver, void *reserved, void *clientp)
{
	Transfer   *transfer = clientp;

	if (transfer->looking_up)
		return 0;
	if (!lookup_may_begin(&transfer->engine->hosts, transfer->host))
	{
		transfer->progress.must_wait = true;
		return 1;
	}
	note_lookup_begin(transfer);
	return 0;
}

/* The name is looked up. Open a socket, if the address may be contacted. */
static curl_socket_t
open_socket_callback(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *transfer = clientp;

	note_lookup_end(transfer, LOOKUP_OVER);
	if (!address_is_reachable(&address->addr, appt_allowed_addresses))
	{
		transfer->progress.address_refused = true;
		return CURL_SOCKET_BAD;
	}
	transfer->progress.address_opened = true;
	return open_socket(&transfer->engine->sockets, address, &transfer->progress.out_of_descriptors);
}

static int
close_socket_callback(void *clientp, curl_socket_t fd)
{
	Engine	   *engine = clientp;

	engine->may_unblock = true;
	return close_socket(&engine->sockets, fd);
}

/* Fill in a socket address from the text that libcurl passes. */
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
 * A connection, new or kept, is about to be used. Is its address still allowed,
 * and is this the first time for this request? libcurl repeats a request if a
 * kept connection turns out to be dead. If the address of a kept connection is
 * no longer allowed, the host may have an allowed one by now: kept_refused.
 */
static int
before_request_callback(void *clientp, char *peer, char *local,
						int peer_port, int local_port)
{
	Transfer   *transfer = clientp;
	Progress   *progress = &transfer->progress;
	struct sockaddr_storage address;

	if (!parse_address(peer, peer_port, &address) ||
		!address_is_reachable((struct sockaddr *) &address, appt_allowed_addresses))
	{
		progress->kept_refused = !progress->address_opened;
		progress->address_refused = true;
		progress->address_opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	if (transfer->session == NULL && progress->request_sent)
	{
		long		bytes_sent = 0;

		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes_sent);
		if (bytes_sent > 0)
			return CURL_PREREQFUNC_ABORT;
	}
	progress->request_sent = true;
	if (transfer->session == NULL)
		restart_message_count(transfer->easy);
	return CURL_PREREQFUNC_OK;
}

/* What comes after the first KEPT_BODY_SIZE is counted and thrown away. */
static size_t
body_callback(char *bytes, size_t size, size_t count, void *clientp)
{
	Transfer   *transfer = clientp;
	Progress   *progress = &transfer->progress;
	size_t		length = size * count;
	size_t		kept = Min(length, KEPT_BODY_SIZE - 1 - progress->body_length);

	memcpy(transfer->body + progress->body_length, bytes, kept);
	progress->body_length += kept;
	progress->body_received += length;
	if (progress->body_received > BODY_LIMIT)
	{
		progress->body_cut = true;
		return 0;
	}
	return length;
}

bool
set_common_options(CURL *easy, Transfer *transfer)
{
	Engine	   *engine = transfer->engine;

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
	SETOPT(easy, CURLOPT_ERRORBUFFER, transfer->progress.curl_error);
	SETOPT(easy, CURLOPT_WRITEFUNCTION, body_callback);
	SETOPT(easy, CURLOPT_WRITEDATA, transfer);
	SETOPT(easy, CURLOPT_HEADERDATA, transfer);
	SETOPT(easy, CURLOPT_PRIVATE, transfer);
	return set_tls_options(easy);
}

const char *
ca_file(void)
{
	return appt_ca_file == NULL ? "" : appt_ca_file;
}

/*
 * Reading the system's certificates takes 20 ms, so libcurl keeps them in
 * memory. It does that only without CURLOPT_CAPATH; nothing is lost, because
 * the system's folder and its file have the same content.
 */
bool
set_ca_file(CURL *easy, const char *file)
{
	const curl_version_info_data *system = curl_version_info(CURLVERSION_NOW);
	bool		is_empty = file[0] == '\0';

	SETOPT(easy, CURLOPT_CAINFO, is_empty ? system->cainfo : file);
	SETOPT(easy, CURLOPT_CAPATH, is_empty && system->cainfo == NULL ? system->capath : NULL);
	SETOPT(easy, CURLOPT_CA_CACHE_TIMEOUT, (long) AUTHORITIES_KEPT_SECONDS);
	return true;
}

void
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
