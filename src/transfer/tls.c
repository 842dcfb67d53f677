/*
 * tls.c
 *		Bounds on what a server may cost by TLS.
 *
 * A server may send session tickets and key updates (TLS 1.3) and requests to
 * renegotiate (TLS 1.2, also in clear before the handshake) at any time and in
 * any number. By default OpenSSL reads them all within one call: libcurl does not
 * learn of them, and none of its timeouts ends the call. A server that packed
 * hundreds of tickets into each record could hold the worker for ever.
 *
 * So OpenSSL returns after each message (SSL_MODE_AUTO_RETRY is cleared), and
 * the messages of each connection are counted. Past the limit the connection
 * fails: an OpenSSL error is raised for the call that is under way, and reads and
 * writes are refused from then on. The latter ends the loops in OpenSSL that do
 * not check for errors: while it waits for the server's first message it skips
 * requests to renegotiate. libcurl copies the error's text into its own.
 *
 * A key exchange by Diffie-Hellman in a finite field is not offered. The server
 * chooses its size: 10,000 bits take the client more than a second within one
 * call, and cost the server nothing if it reuses its key. Nearly all servers that
 * offer it also offer elliptic curves.
 *
 * The count is stored in the SSL instead of a pointer, so nothing is allocated
 * and nothing must be freed.
 */
#include "postgres.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "transfer/tls.h"

/* Handshake messages for each request. A handshake has fewer than ten; usually two tickets follow. */
#define MESSAGES_LIMIT 64

#define FLOOD_REASON 1
#define FLOOD "the server sent too many TLS messages beside its answer"

static int	count_index = -1;
static int	error_library;
static int	(*default_security) (const SSL *, const SSL_CTX *, int, int, int, void *, void *);

void
prepare_tls(void)
{
	static ERR_STRING_DATA strings[] = {{ERR_PACK(0, 0, FLOOD_REASON), FLOOD}, {0, NULL}};
	const char *used = curl_version_info(CURLVERSION_NOW)->ssl_version;

	if (count_index >= 0)
		return;
	if (used == NULL || strncmp(used, "OpenSSL/3", 9) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("libcurl does not use OpenSSL 3"),
				 errdetail("It uses %s.", used ? used : "no TLS")));
	error_library = ERR_get_next_error_library();
	ERR_load_strings(error_library, strings);
	count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (count_index < 0)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory")));
}

static void
raise_flood(void)
{
	ERR_raise(error_library, FLOOD_REASON);
}

static long
refuse_callback(BIO *bio, int operation, const char *bytes, size_t length,
				int argument, long longer_argument, int result, size_t *processed)
{
	if (operation != BIO_CB_READ && operation != BIO_CB_WRITE)
		return result;
	BIO_clear_retry_flags(bio);
	raise_flood();
	return -1;
}

static void
end_connection(SSL *ssl)
{
	raise_flood();
	BIO_set_callback_ex(SSL_get_rbio(ssl), refuse_callback);
}

static void
message_callback(int is_sent, int version, int type, const void *bytes, size_t length,
				 SSL *ssl, void *argument)
{
	intptr_t	count;

	if (is_sent || type != SSL3_RT_HANDSHAKE)
		return;
	count = (intptr_t) SSL_get_ex_data(ssl, count_index) + 1;
	(void) SSL_set_ex_data(ssl, count_index, (void *) count);
	if (count > MESSAGES_LIMIT)
		end_connection(ssl);
}

static bool
is_by_finite_field(int operation, int nid, const void *other)
{
	switch (operation & SSL_SECOP_OTHER_TYPE)
	{
		case SSL_SECOP_OTHER_CIPHER:
			return SSL_CIPHER_get_kx_nid(other) == NID_kx_dhe;
		case SSL_SECOP_OTHER_CURVE:
			return nid >= NID_ffdhe2048 && nid <= NID_ffdhe8192;
		default:
			return false;
	}
}

/* OpenSSL asks for everything that it could offer. The system's policy is asked, too. */
static int
security_callback(const SSL *ssl, const SSL_CTX *context, int operation, int bits, int nid,
				  void *other, void *argument)
{
	return !is_by_finite_field(operation, nid, other) &&
		default_security(ssl, context, operation, bits, nid, other, argument);
}

static CURLcode
context_callback(CURL *easy, void *context, void *clientp)
{
	SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
	SSL_CTX_set_msg_callback(context, message_callback);
	default_security = SSL_CTX_get_security_callback(context);
	SSL_CTX_set_security_callback(context, security_callback);
	return CURLE_OK;
}

bool
set_tls_options(CURL *easy)
{
	return curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, context_callback) == CURLE_OK;
}

/* The server may send a new ticket now and then over a connection that is kept for long. */
void
restart_message_count(CURL *easy)
{
	struct curl_tlssessioninfo *session = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
		session->internals != NULL)
		(void) SSL_set_ex_data(session->internals, count_index, NULL);
}

const char *
tls_failure(const char *curl_error)
{
	return strstr(curl_error, FLOOD) != NULL ? FLOOD : NULL;
}
