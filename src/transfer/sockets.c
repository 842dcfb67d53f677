/*
 * sockets.c
 *		The sockets of the engine: events, descriptors, addresses.
 *
 * A connection that libcurl keeps is left registered with epoll, since the
 * next request will want the same events: that saves two system calls each.
 * Whatever comes over it meanwhile is no answer to anything (its server closes
 * it, first saying 408 perhaps, or answers what nobody asked), so it is shut
 * down, and libcurl finds it dead when it wants to use it: left alone, libcurl
 * would take those bytes for the answer to the next request. Only sockets that
 * we opened are treated so, for others may be closed without our being told.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "storage/fd.h"

#include "core/reachable.h"
#include "transfer/parts.h"

/* How much of what came over a kept connection is thrown away, in pieces of 4 KB. */
#define RETIRED_READS 64

/* The state of a descriptor; NULL if there is no memory for it. */
SocketState *
socket_state(TransferEngine *engine, int fd)
{
	if (fd < 0)
		return NULL;
	if (fd >= engine->sockets_size)
	{
		int			size = Max(fd + 64, engine->sockets_size * 2);
		SocketState *larger = realloc(engine->sockets, size * sizeof(SocketState));

		if (larger == NULL)
			return NULL;
		memset(larger + engine->sockets_size, 0,
			   (size - engine->sockets_size) * sizeof(SocketState));
		engine->sockets = larger;
		engine->sockets_size = size;
	}
	return &engine->sockets[fd];
}

/* Tell epoll which events are wanted; 0 for none. */
bool
register_events(TransferEngine *engine, int fd, uint32 events)
{
	SocketState *state = socket_state(engine, fd);
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
		(void) epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, &event);
		state->registered = 0;
		return true;
	}
	result = epoll_ctl(engine->epoll_fd,
					   state->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD,
					   fd, &event);
	if (result < 0 && errno == ENOENT)
		result = epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event);
	else if (result < 0 && errno == EEXIST)
		result = epoll_ctl(engine->epoll_fd, EPOLL_CTL_MOD, fd, &event);
	state->registered = result < 0 ? 0 : events;
	return result == 0;
}

int
socket_callback(CURL *easy, curl_socket_t fd, int what, void *clientp, void *socketp)
{
	Transfer   *transfer = NULL;
	uint32		events = 0;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **) &transfer);
	if (transfer != NULL && what != CURL_POLL_REMOVE)
		transfer->socket = fd;
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= EPOLLIN;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= EPOLLOUT;
	return register_events(clientp, fd, events) ? 0 : -1;
}

int
timer_callback(CURLM *multi, long timeout_ms, void *clientp)
{
	TransferEngine *engine = clientp;

	engine->timer_at = timeout_ms < 0 ? -1 : monotonic_ms() + timeout_ms;
	return 0;
}

/* Open a socket, if its address may be contacted and there is room for it. */
curl_socket_t
open_socket_callback(void *clientp, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *transfer = clientp;
	TransferEngine *engine = transfer->engine;
	SocketState *state;
	int			fd;

	end_lookup(transfer, LOOKUP_OVER);
	if (!address_is_reachable(&address->addr, appt_allowed_addresses))
	{
		transfer->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	transfer->address_opened = true;
	if (!AcquireExternalFD())
	{
		transfer->out_of_descriptors = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd < 0)
	{
		transfer->out_of_descriptors = (errno == EMFILE || errno == ENFILE);
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	state = socket_state(engine, fd);
	if (state == NULL)
	{
		close(fd);
		ReleaseExternalFD();
		return CURL_SOCKET_BAD;
	}
	memset(state, 0, sizeof(*state));
	state->is_ours = true;
	engine->open_sockets++;
	return fd;
}

int
close_socket_callback(void *clientp, curl_socket_t fd)
{
	TransferEngine *engine = clientp;
	SocketState *state = socket_state(engine, fd);

	if (state != NULL && state->is_ours)
	{
		memset(state, 0, sizeof(*state));
		ReleaseExternalFD();
		engine->open_sockets--;
		engine->may_unblock = true;
	}
	return close(fd);
}

/* Fill in a socket address from the text that libcurl hands out. */
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
 * A connection, new or kept, is about to be used. Is its address still
 * allowed, and is this the first time for this request? libcurl repeats a
 * request when a kept connection turns out to be dead. A kept connection whose
 * address was allowed once says nothing of where the host is now.
 */
int
before_request_callback(void *clientp, char *peer, char *local,
						int peer_port, int local_port)
{
	Transfer   *transfer = clientp;
	struct sockaddr_storage address;

	if (!parse_address(peer, peer_port, &address) ||
		!address_is_reachable((struct sockaddr *) &address, appt_allowed_addresses))
	{
		transfer->kept_refused = !transfer->address_opened;
		transfer->address_refused = true;
		transfer->address_opened = false;
		return CURL_PREREQFUNC_ABORT;
	}
	if (transfer->session == NULL && transfer->request_sent)
	{
		long		bytes_sent = 0;

		curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &bytes_sent);
		if (bytes_sent > 0)
			return CURL_PREREQFUNC_ABORT;
	}
	transfer->request_sent = true;
	if (transfer->session == NULL)
		restart_message_count(transfer->easy);
	return CURL_PREREQFUNC_OK;
}

/*
 * A kept connection is closing, or confused. What it holds must be gone for
 * libcurl to find it closed. If it holds nothing, libcurl was called for
 * another socket or a timer and has read this one too since the event came.
 */
static void
retire_connection(TransferEngine *engine, int fd)
{
	struct epoll_event event = {0};
	char		bytes[4096];
	int			reads = 0;

	if (recv(fd, bytes, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
		(errno == EAGAIN || errno == EWOULDBLOCK))
		return;
	(void) epoll_ctl(engine->epoll_fd, EPOLL_CTL_DEL, fd, &event);
	socket_state(engine, fd)->registered = 0;
	(void) shutdown(fd, SHUT_RDWR);
	while (reads++ < RETIRED_READS && recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Pass what epoll reports on to libcurl or to a session; what there is after a while, the next time. */
void
run_events(TransferEngine *engine)
{
	struct epoll_event events[EVENT_BATCH];
	int			batches = 0;
	int			count;
	int			running;

	do
	{
		count = epoll_wait(engine->epoll_fd, events, EVENT_BATCH, 0);
		for (int i = 0; i < count; i++)
		{
			int			fd = events[i].data.fd;
			SocketState *state = socket_state(engine, fd);
			int			mask = 0;

			if (state == NULL || state->registered == 0)
				continue;		/* closed since, by an earlier event */
			if (state->session != NULL)
			{
				run_session(state->session);
				continue;
			}
			if (state->wanted == 0)
			{
				retire_connection(engine, fd);
				continue;
			}
			if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLRDHUP))
				mask |= CURL_CSELECT_IN;
			if (events[i].events & EPOLLOUT)
				mask |= CURL_CSELECT_OUT;
			if (events[i].events & EPOLLERR)
				mask |= CURL_CSELECT_ERR;
			curl_multi_socket_action(engine->multi, fd, mask, &running);
		}
	} while (count == EVENT_BATCH && ++batches < BATCHES_AT_ONCE);
}
