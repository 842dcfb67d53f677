/*
 * sockets.h
 *		Sockets of libcurl and of the mail sessions, watched by one epoll
 *		descriptor.
 *
 * Nothing here raises an error, except create_sockets().
 */
#ifndef APPT_SOCKETS_H
#define APPT_SOCKETS_H

#include <curl/curl.h>
#include <sys/epoll.h>

typedef struct SocketState SocketState;

typedef struct Sockets
{
	int			epoll_fd;
	SocketState *states;		/* malloc'ed, indexed by descriptor */
	int			size;
	int			open;			/* opened by open_socket() and not closed */
	int			limit;			/* of those */
} Sockets;

/* Called by run_events() with the argument of watch_socket(). */
typedef void (*SocketReady) (void *argument);

/* Prepare `sockets`, all zeros before. */
extern void create_sockets(Sockets *sockets);

/*
 * A new socket for this address; CURL_SOCKET_BAD if none can be opened.
 * *no_descriptor is set if the cause is a lack of descriptors.
 */
extern curl_socket_t open_socket(Sockets *sockets, const struct curl_sockaddr *address,
								 bool *no_descriptor);

/* Close a socket, whoever opened it. Returns close()'s result. */
extern int	close_socket(Sockets *sockets, curl_socket_t fd);

/*
 * Watch a socket for these epoll events; 0: for none. Whoever is not named to
 * watch_socket() is libcurl. False if that can't be done.
 */
extern bool register_events(Sockets *sockets, int fd, uint32 events);

/* From now on events of the socket go to `ready`, not to libcurl. False if out of memory. */
extern bool watch_socket(Sockets *sockets, int fd, SocketReady ready, void *argument);

/* Undo watch_socket() and wait for no event. */
extern void unwatch_socket(Sockets *sockets, int fd);

/*
 * Pass on what epoll reports: to libcurl (curl_multi_socket_action) or to a
 * socket's `ready`, which may open, watch and close sockets. Never blocks, and
 * returns after a bounded number of events.
 */
extern void run_events(Sockets *sockets, CURLM *multi);

#endif							/* APPT_SOCKETS_H */
