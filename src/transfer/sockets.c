/*
 * sockets.c
 *		Sockets of libcurl and of the mail sessions, watched by one epoll
 *		descriptor.
 *
 * A connection that libcurl keeps stays registered with epoll, because the next
 * request will want the same events: that saves two system calls per request.
 * Bytes that arrive meanwhile answer no request: the server closes the
 * connection, perhaps after a 408, or sends an answer that nobody asked for.
 * libcurl would take them for the answer to the next request. So the connection
 * is shut down, and libcurl finds it dead when it wants to use it. This is done
 * only to sockets opened here, because others may be closed without notice.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <unistd.h>

#include "storage/fd.h"

#include "transfer/sockets.h"

/* Events taken from epoll at once, and how often in one run. */
#define EVENT_BATCH 128
#define BATCHES_AT_ONCE 8

/* How much of what came over a kept connection is thrown away, in pieces of 4 KB. */
#define RETIRED_READS 64

/* What is known of a descriptor. */
struct SocketState
{
	bool		is_ours;		/* opened by open_socket() */
	uint32		registered;		/* epoll events */
	uint32		wanted;
	SocketReady ready;			/* NULL: libcurl's */
	void	   *argument;
};

void
create_sockets(Sockets *sockets)
{
	/* AcquireExternalFD grants a third; leave some of it to others. */
	sockets->limit = Max(8, max_safe_fds / 3 - 16);
	ReserveExternalFD();
	sockets->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sockets->epoll_fd < 0)
		ereport(ERROR,
				(errcode_for_socket_access(),
				 errmsg("could not create an epoll descriptor: %m")));
}

/* The state of a descriptor; NULL if out of memory. */
static SocketState *
socket_state(Sockets *sockets, int fd)
{
	if (fd < 0)
		return NULL;
	if (fd >= sockets->size)
	{
		int			size = Max(fd + 64, sockets->size * 2);
		SocketState *larger = realloc(sockets->states, size * sizeof(SocketState));

		if (larger == NULL)
			return NULL;
		memset(larger + sockets->size, 0, (size - sockets->size) * sizeof(SocketState));
		sockets->states = larger;
		sockets->size = size;
	}
	return &sockets->states[fd];
}

curl_socket_t
open_socket(Sockets *sockets, const struct curl_sockaddr *address, bool *no_descriptor)
{
	SocketState *state;
	int			fd;

	if (!AcquireExternalFD())
	{
		*no_descriptor = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
		*no_descriptor = (errno == EMFILE || errno == ENFILE);
	state = socket_state(sockets, fd);
	if (state == NULL)
	{
		if (fd >= 0)
			close(fd);
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	memset(state, 0, sizeof(*state));
	state->is_ours = true;
	sockets->open++;
	return fd;
}

int
close_socket(Sockets *sockets, curl_socket_t fd)
{
	SocketState *state = socket_state(sockets, fd);

	if (state != NULL && state->is_ours)
	{
		memset(state, 0, sizeof(*state));
		ReleaseExternalFD();
		sockets->open--;
	}
	return close(fd);
}

bool
register_events(Sockets *sockets, int fd, uint32 events)
{
	SocketState *state = socket_state(sockets, fd);
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
		(void) epoll_ctl(sockets->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		state->registered = 0;
		return true;
	}
	result = epoll_ctl(sockets->epoll_fd, state->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
					   fd, &event);
	if (result < 0 && errno == ENOENT)
		result = epoll_ctl(sockets->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	else if (result < 0 && errno == EEXIST)
		result = epoll_ctl(sockets->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	state->registered = result < 0 ? 0 : events;
	return result == 0;
}

bool
watch_socket(Sockets *sockets, int fd, SocketReady ready, void *argument)
{
	SocketState *state = socket_state(sockets, fd);

	if (state == NULL)
		return false;
	state->ready = ready;
	state->argument = argument;
	return true;
}

void
unwatch_socket(Sockets *sockets, int fd)
{
	(void) watch_socket(sockets, fd, NULL, NULL);
	(void) register_events(sockets, fd, 0);
}

/*
 * A kept connection is closing, or its server confused. Its bytes must be read
 * for libcurl to find it closed. If there are none, libcurl was called for
 * another socket or a timer since the event came, and has read this one, too.
 */
static void
retire_connection(Sockets *sockets, int fd)
{
	struct epoll_event event = {0};
	char		bytes[4096];
	int			reads = 0;

	if (recv(fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	(void) epoll_ctl(sockets->epoll_fd, EPOLL_CTL_DEL, fd, &event);
	socket_state(sockets, fd)->registered = 0;
	(void) shutdown(fd, SHUT_RDWR);
	while (reads++ < RETIRED_READS && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

static void
pass_to_libcurl(CURLM *multi, int fd, uint32 events)
{
	int			mask = 0;
	int			running;

	if (events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	if (events & EPOLLERR)
		mask |= CURL_CSELECT_ERR;
	curl_multi_socket_action(multi, fd, mask, &running);
}

static void
pass_event(Sockets *sockets, CURLM *multi, int fd, uint32 events)
{
	SocketState *state = socket_state(sockets, fd);

	if (state == NULL || state->registered == 0)
		return;					/* closed since, by an earlier event */
	if (state->ready != NULL)
		state->ready(state->argument);
	else if (state->wanted == 0)
		retire_connection(sockets, fd);
	else
		pass_to_libcurl(multi, fd, events);
}

void
run_events(Sockets *sockets, CURLM *multi)
{
	struct epoll_event events[EVENT_BATCH];
	int			batches = 0;
	int			count;

	do
	{
		count = epoll_wait(sockets->epoll_fd, events, EVENT_BATCH, 0);
		for (int i = 0; i < count; i++)
			pass_event(sockets, multi, events[i].data.fd, events[i].events);
	} while (count == EVENT_BATCH && ++batches < BATCHES_AT_ONCE);
}
