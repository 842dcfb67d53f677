/*
 * tls_flood.c
 *		A peer that sends TLS messages without end beside its answer.
 *
 * tls_flood --record FILE --certificate FILE --key FILE --speak SPEECH --flood KIND [--from LINE]
 *
 * SPEECH	https, smtps or starttls
 * KIND		tickets: TLS 1.3, session tickets, hundreds in each record
 *			updates: TLS 1.3, key updates, each of which asks for one
 *			requests: TLS 1.2, requests to negotiate anew, once the connection stands
 *			hellos: the same in clear, instead of an answer to the first message
 *			none: TLS 1.3, https alone; one ticket before each answer, as a server may
 * LINE		SMTP: what the flood begins instead of the answer to (default: the
 *			greeting), as MAIL
 *
 * Listens on 127.0.0.1, on a port that it prints as its first line ("port
 * 12345"), and appends one JSON object to the file when a flood begins and one
 * when the other side has closed: {"connection", "event": "begun" or "ended"}.
 *
 * OpenSSL sends one ticket a record, and stops where it would be foolish to go
 * on. So it makes the connection and reads what comes; what is sent by TLS 1.3
 * is put into records here, by the secret that it tells those who debug (RFC
 * 8446, sections 5.2 and 7.1).
 */
#include <arpa/inet.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FRAGMENT 16384
#define SECRET 32

#define HANDSHAKE 22
#define DATA 23

static const char *record,
		   *certificate,
		   *key,
		   *speech,
		   *kind,
		   *from = "";
static int	connection;
static int	peer;				/* its socket */
static SSL *ssl;				/* NULL: not yet */
static unsigned char secret[SECRET];	/* of what is sent */
static unsigned char write_key[16],
			write_iv[12];
static unsigned long long sequence;

static void
fail(const char *what)
{
	fprintf(stderr, "tls_flood: %s\n", what);
	exit(1);
}

static void
note(const char *event)
{
	FILE	   *file = fopen(record, "a");

	if (file == NULL)
		fail("cannot write the record");
	fprintf(file, "{\"connection\": %d, \"event\": \"%s\"}\n", connection, event);
	fclose(file);
}

/* The other side has closed the connection. */
static void
end(void)
{
	note("ended");
	exit(0);
}

static void
put(const void *bytes, size_t length)
{
	const char *position = bytes;

	while (length > 0)
	{
		ssize_t		sent = send(peer, position, length, MSG_NOSIGNAL);

		if (sent <= 0)
			end();
		position += sent;
		length -= sent;
	}
}

/* ---- records of TLS 1.3 ---- */

/* HKDF-Expand-Label of the secret, for up to 32 bytes. */
static void
derive(const char *label, unsigned char *result, int length)
{
	unsigned char info[64];
	unsigned char block[SECRET];
	int			size = 0;

	info[size++] = 0;
	info[size++] = length;
	info[size++] = 6 + strlen(label);
	size += sprintf((char *) info + size, "tls13 %s", label);
	info[size++] = 0;
	info[size++] = 1;
	HMAC(EVP_sha256(), secret, SECRET, info, size, block, NULL);
	memcpy(result, block, length);
}

static void
derive_keys(void)
{
	derive("key", write_key, sizeof(write_key));
	derive("iv", write_iv, sizeof(write_iv));
	sequence = 0;
}

static void
put_record(int type, const void *content, int length)
{
	static unsigned char plain[FRAGMENT + 1],
				packed[5 + FRAGMENT + 1 + 16];
	EVP_CIPHER_CTX *cipher = EVP_CIPHER_CTX_new();
	unsigned char nonce[12];
	int			size = length + 1;
	int			done;

	memcpy(plain, content, length);
	plain[length] = type;
	memcpy(packed, "\x17\x03\x03", 3);
	packed[3] = (size + 16) >> 8;
	packed[4] = (size + 16) & 255;
	memcpy(nonce, write_iv, 12);
	for (int i = 0; i < 8; i++)
		nonce[11 - i] ^= (sequence >> (8 * i)) & 255;
	sequence++;
	if (EVP_EncryptInit_ex(cipher, EVP_aes_128_gcm(), NULL, write_key, nonce) != 1 ||
		EVP_EncryptUpdate(cipher, NULL, &done, packed, 5) != 1 ||
		EVP_EncryptUpdate(cipher, packed + 5, &done, plain, size) != 1 ||
		EVP_EncryptFinal_ex(cipher, packed + 5 + size, &done) != 1 ||
		EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, 16, packed + 5 + size) != 1)
		fail("cannot encrypt");
	EVP_CIPHER_CTX_free(cipher);
	put(packed, 5 + size + 16);
}

/* Called with a line of a key log. */
static void
take_secret(const SSL *of, const char *line)
{
	static const char name[] = "SERVER_TRAFFIC_SECRET_0 ";
	const char *hex = strrchr(line, ' ') + 1;

	if (strncmp(line, name, strlen(name)) != 0)
		return;
	for (int i = 0; i < SECRET; i++)
		sscanf(hex + 2 * i, "%2hhx", &secret[i]);
	derive_keys();
}

/* ---- the floods ---- */

/* Of an hour, without a nonce, one byte long, without extensions. */
static const unsigned char ticket[] = {4, 0, 0, 14, 0, 0, 14, 16, 0, 0, 0, 0, 0, 0, 1, 't', 0, 0};

static void
flood_tickets(void)
{
	static unsigned char many[FRAGMENT / sizeof(ticket) * sizeof(ticket)];

	for (size_t i = 0; i < sizeof(many); i++)
		many[i] = ticket[i % sizeof(ticket)];
	while (1)
		put_record(HANDSHAKE, many, sizeof(many));
}

static void
flood_updates(void)
{
	static const unsigned char update[] = {24, 0, 0, 1, 1};

	while (1)
	{
		unsigned char next[SECRET];

		put_record(HANDSHAKE, update, sizeof(update));
		derive("traffic upd", next, SECRET);
		memcpy(secret, next, SECRET);
		derive_keys();
	}
}

static void
flood_requests(void)
{
	while (SSL_renegotiate(ssl) == 1 && SSL_do_handshake(ssl) == 1)
		;
	end();
}

static void
flood_hellos(void)
{
	static unsigned char many[5 + FRAGMENT] = {HANDSHAKE, 3, 3, FRAGMENT >> 8, FRAGMENT & 255};

	while (1)
		put(many, sizeof(many));
}

/* Keep reading: a client that cannot write would stop reading the flood. */
static void
swallow(void)
{
	char		bytes[4096];

	if (fork() != 0)
		return;
	while (recv(peer, bytes, sizeof(bytes), 0) > 0)
		;
	exit(0);
}

static void
flood(void)
{
	static const struct
	{
		const char *kind;
		void		(*flood) (void);
	}			floods[] = {
		{"tickets", flood_tickets},
		{"updates", flood_updates},
		{"requests", flood_requests},
		{"hellos", flood_hellos}
	};

	note("begun");
	swallow();
	for (size_t i = 0; i < sizeof(floods) / sizeof(floods[0]); i++)
		if (strcmp(kind, floods[i].kind) == 0)
			floods[i].flood();
	fail("no such flood");
}

/* ---- what comes before ---- */

static int
is_by_tls12(void)
{
	return strcmp(kind, "requests") == 0;
}

static void
start_tls(void)
{
	SSL_CTX    *context = SSL_CTX_new(TLS_server_method());
	char		first;

	/* After the first message: a TLS server does not send before it. */
	if (strcmp(kind, "hellos") == 0 && recv(peer, &first, 1, MSG_PEEK) == 1)
		flood();
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1 ||
		SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		fail("cannot use the certificate");
	SSL_CTX_set_max_proto_version(context, is_by_tls12() ? TLS1_2_VERSION : TLS1_3_VERSION);
	SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
	SSL_CTX_set_num_tickets(context, 0);
	SSL_CTX_set_keylog_callback(context, take_secret);
	ssl = SSL_new(context);
	SSL_set_fd(ssl, peer);
	if (SSL_accept(ssl) != 1)
		end();
}

static void
say(const char *line)
{
	if (ssl == NULL)
		put(line, strlen(line));
	else if (is_by_tls12())
		SSL_write(ssl, line, strlen(line));
	else
		put_record(DATA, line, strlen(line));
}

static void
hear_line(char *line, int size)
{
	int			length = 0;

	while (length < size - 1)
	{
		if ((ssl ? SSL_read(ssl, line + length, 1) : recv(peer, line + length, 1, 0)) != 1)
			end();
		if (line[length++] == '\n')
			break;
	}
	line[length] = '\0';
}

static int
begins_with(const char *line, const char *command)
{
	return strncasecmp(line, command, strlen(command)) == 0;
}

static void
hear_request(void)
{
	static const char name[] = "Content-Length:";
	char		line[8192];
	long		length = 0;

	do
	{
		hear_line(line, sizeof(line));
		if (begins_with(line, name))
			length = atol(line + strlen(name));
	} while (line[0] != '\r');
	while (length-- > 0)
		if (SSL_read(ssl, line, 1) != 1)
			end();
}

static void
speak_http(void)
{
	start_tls();
	while (1)
	{
		hear_request();
		if (strcmp(kind, "none") != 0)
			flood();
		put_record(HANDSHAKE, ticket, sizeof(ticket));
		say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	}
}

static void
speak_smtp(void)
{
	char		line[8192];

	if (strcmp(speech, "smtps") == 0)
		start_tls();
	if (ssl != NULL && from[0] == '\0')
		flood();
	say("220 peer\r\n");
	while (1)
	{
		hear_line(line, sizeof(line));
		if (ssl != NULL && begins_with(line, from))
			flood();
		else if (begins_with(line, "EHLO"))
			say(ssl ? "250 peer\r\n" : "250-peer\r\n250 STARTTLS\r\n");
		else if (begins_with(line, "STARTTLS"))
		{
			say("220 go ahead\r\n");
			start_tls();
		}
		else
			say("250 well\r\n");
	}
}

static int
listen_on_loopback(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *) &address, length) != 0 || listen(listener, 64) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &length) != 0)
		fail("cannot listen");
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

static void
read_options(int count, char **values)
{
	static const struct
	{
		const char *name;
		const char **value;
	}			options[] = {
		{"--record", &record}, {"--certificate", &certificate}, {"--key", &key},
		{"--speak", &speech}, {"--flood", &kind}, {"--from", &from}
	};

	for (int i = 1; i + 1 < count; i += 2)
		for (size_t j = 0; j < sizeof(options) / sizeof(options[0]); j++)
			if (strcmp(values[i], options[j].name) == 0)
				*options[j].value = values[i + 1];
	if (!record || !certificate || !key || !speech || !kind)
		fail("an option is missing");
}

int
main(int count, char **values)
{
	int			listener;

	read_options(count, values);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	listener = listen_on_loopback();
	while ((peer = accept(listener, NULL, NULL)) >= 0)
	{
		connection++;
		if (fork() == 0)
		{
			close(listener);
			if (strcmp(speech, "https") == 0)
				speak_http();
			else
				speak_smtp();
		}
		close(peer);
	}
	return 0;
}
