/*
 * receiver.c
 *		The webhook receiver of benchmarks: fast enough not to affect what is
 *		measured, and exact about when a request's first byte came.
 *
 * receiver FILE: listens on 127.0.0.1 on a port that it prints ("port 12345"),
 * speaks HTTP/1.1 with keep-alive and answers 200 to everything: at once, or
 * to /delay/MILLISECONDS that much later. One line a request goes to FILE:
 * microseconds since the epoch and the webhook-id header.  It is written when
 * there is nothing else to do, so the end of the file may be some
 * milliseconds behind.
 *
 * One process, one epoll descriptor. A client that sends what is no request is
 * disconnected.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 65536
#define BUFFER_SIZE 65536
#define EVENTS 256

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

typedef struct Connection
{
	char	   *buffer;
	size_t		length;
	int64_t		first_byte_at;	/* of the request in the buffer */
	int64_t		answer_at;		/* 0: none is owed */
} Connection;

static Connection connections[MAX_CONNECTIONS];
static int	connections_end = 0;	/* one more than the highest descriptor */
static int	waiting = 0;		/* connections that are owed an answer */
static int	poll_descriptor;
static FILE *record;

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
fail(const char *what)
{
	perror(what);
	exit(1);
}

static void
hang_up(int descriptor)
{
	Connection *connection = &connections[descriptor];

	if (connection->answer_at != 0)
		waiting--;
	free(connection->buffer);
	memset(connection, 0, sizeof(*connection));
	close(descriptor);
}

static void
respond(int descriptor)
{
	if (send(descriptor, answer, sizeof(answer) - 1, MSG_NOSIGNAL) != sizeof(answer) - 1)
		hang_up(descriptor);
}

/* The value of a header in a request that ends with a zero byte; NULL if it has none. */
static const char *
find_header(const char *head, const char *name)
{
	size_t		length = strlen(name);

	for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
		if (strncasecmp(line + 2, name, length) == 0 && line[2 + length] == ':')
			return line + 3 + length + strspn(line + 3 + length, " ");
	return NULL;
}

/* Note a whole request and answer it, or remember to. */
static void
take_request(int descriptor, const char *head)
{
	Connection *connection = &connections[descriptor];
	const char *id = find_header(head, "webhook-id");
	const char *delay = strstr(head, "/delay/");

	fprintf(record, "%lld %.*s\n", (long long) connection->first_byte_at,
			id == NULL ? 0 : (int) strcspn(id, "\r"), id == NULL ? "" : id);
	if (delay != NULL && delay < strstr(head, "\r\n"))
	{
		connection->answer_at = now_us() + atoll(delay + strlen("/delay/")) * 1000;
		waiting++;
	}
	else
		respond(descriptor);
}

/* Take the request at the buffer's start if it is complete. */
static bool
take_from_buffer(int descriptor)
{
	Connection *connection = &connections[descriptor];
	char	   *body = memmem(connection->buffer, connection->length, "\r\n\r\n", 4);
	const char *length;
	size_t		size;

	if (body == NULL)
		return false;
	body[3] = '\0';
	length = find_header(connection->buffer, "content-length");
	size = (size_t) (body + 4 - connection->buffer) + (length == NULL ? 0 : strtoul(length, NULL, 10));
	if (connection->length < size)
	{
		body[3] = '\n';
		return false;
	}
	take_request(descriptor, connection->buffer);
	if (connection->buffer == NULL)
		return false;
	memmove(connection->buffer, connection->buffer + size, connection->length - size);
	connection->length -= size;
	return connection->length > 0;
}

static void
read_from(int descriptor)
{
	Connection *connection = &connections[descriptor];
	ssize_t		count = recv(descriptor, connection->buffer + connection->length,
							 BUFFER_SIZE - connection->length, MSG_DONTWAIT);

	if (count < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (count <= 0 || connection->length + (size_t) count == BUFFER_SIZE)
	{
		hang_up(descriptor);
		return;
	}
	if (connection->length == 0)
		connection->first_byte_at = now_us();
	connection->length += (size_t) count;
	while (take_from_buffer(descriptor))
		connection->first_byte_at = now_us();
}

static void
accept_from(int listener)
{
	int			descriptor = accept(listener, NULL, NULL);
	struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};

	if (descriptor < 0)
		return;
	if (descriptor >= MAX_CONNECTIONS)
	{
		close(descriptor);
		return;
	}
	setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &(int) {1}, sizeof(int));
	if (connections_end <= descriptor)
		connections_end = descriptor + 1;
	connections[descriptor].buffer = malloc(BUFFER_SIZE);
	if (connections[descriptor].buffer == NULL ||
		epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, descriptor, &event) != 0)
		fail("connection");
}

/* Give the delayed answers whose time has come. */
static void
respond_late(void)
{
	int64_t		now = now_us();

	for (int descriptor = 0; descriptor < connections_end; descriptor++)
	{
		Connection *connection = &connections[descriptor];

		if (connection->answer_at != 0 && connection->answer_at <= now)
		{
			connection->answer_at = 0;
			waiting--;
			respond(descriptor);
		}
	}
}

/* When the next delayed answer is owed; -1: none is. */
static int64_t
next_answer_at(void)
{
	int64_t		next = -1;

	for (int descriptor = 0; waiting > 0 && descriptor < connections_end; descriptor++)
	{
		int64_t		at = connections[descriptor].answer_at;

		if (at != 0 && (next < 0 || at < next))
			next = at;
	}
	return next;
}

/* Wait for events until the next answer is owed, to the microsecond. */
static int
wait_for_events(struct epoll_event *events)
{
	int64_t		at = next_answer_at();
	int64_t		left = at < 0 ? 0 : at - now_us();
	struct timespec timeout = {left / 1000000, left % 1000000 * 1000};

	if (at >= 0 && left <= 0)
		return 0;
	return epoll_pwait2(poll_descriptor, events, EVENTS, at < 0 ? NULL : &timeout, NULL);
}

static int
listen_anywhere(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t	length = sizeof(address);
	int			listener = socket(AF_INET, SOCK_STREAM, 0);

	if (listener < 0 || bind(listener, (struct sockaddr *) &address, length) != 0 ||
		listen(listener, 4096) != 0 ||
		getsockname(listener, (struct sockaddr *) &address, &length) != 0)
		fail("listen");
	printf("port %d\n", ntohs(address.sin_port));
	fflush(stdout);
	return listener;
}

int
main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	struct epoll_event event = {.events = EPOLLIN};
	int			listener;

	if (argc != 2 || (record = fopen(argv[1], "a")) == NULL)
		fail("usage: receiver FILE");
	poll_descriptor = epoll_create1(0);
	event.data.fd = listener = listen_anywhere();
	if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, listener, &event) != 0)
		fail("epoll_ctl");

	for (;;)
	{
		int			count = epoll_wait(poll_descriptor, events, EVENTS, 0);

		if (count == 0)
		{
			fflush(record);
			count = wait_for_events(events);
		}
		for (int i = 0; i < count; i++)
			if (events[i].data.fd == listener)
				accept_from(listener);
			else
				read_from(events[i].data.fd);
		if (waiting > 0)
			respond_late();
	}
}
