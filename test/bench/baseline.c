/*
 * baseline.c
 *		What the machine can do without a database: the same POSTs by a plain
 *		program on curl_multi.
 *
 * baseline URL COUNT IN_FLIGHT BODY_FILE: sends COUNT requests, so many at a
 * time over connections kept alive, easy handles reused, driven by epoll, and
 * prints how many a second.  Any answer but 200 ends it with an error.
 */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EVENTS 256
#define BODY_SIZE 65536

static CURLM *multi;
static int	poll_descriptor;
static long timeout_ms = -1;
static char body[BODY_SIZE];

static double
now_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

static void
fail(const char *what)
{
	fprintf(stderr, "baseline: %s\n", what);
	exit(1);
}

static int
watch_socket(CURL *easy, curl_socket_t descriptor, int what, void *unused, void *is_known)
{
	struct epoll_event event = {.data.fd = descriptor};

	(void) easy;
	(void) unused;
	if (what == CURL_POLL_REMOVE)
		return epoll_ctl(poll_descriptor, EPOLL_CTL_DEL, descriptor, NULL), 0;
	event.events = (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
	epoll_ctl(poll_descriptor, is_known != NULL ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, descriptor, &event);
	curl_multi_assign(multi, descriptor, &poll_descriptor);
	return 0;
}

static int
set_timer(CURLM *unused, long milliseconds, void *unused_too)
{
	(void) unused;
	(void) unused_too;
	timeout_ms = milliseconds;
	return 0;
}

static size_t
discard(char *bytes, size_t size, size_t count, void *unused)
{
	(void) bytes;
	(void) unused;
	return size * count;
}

static CURL *
create_easy(const char *url, struct curl_slist *headers)
{
	CURL	   *easy = curl_easy_init();

	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long) strlen(body));
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	return easy;
}

/* Use the handles of finished requests for the next ones; returns how many finished. */
static long
renew(long *to_start)
{
	CURLMsg    *message;
	int			left;
	long		finished = 0;

	while ((message = curl_multi_info_read(multi, &left)) != NULL)
	{
		CURL	   *easy = message->easy_handle;
		long		status = 0;

		curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		if (message->data.result != CURLE_OK || status != 200)
			fail("a request was not answered with 200");
		curl_multi_remove_handle(multi, easy);
		finished++;
		if (*to_start > 0)
		{
			(*to_start)--;
			curl_multi_add_handle(multi, easy);
		}
	}
	return finished;
}

static void
run(const char *url, long count, int in_flight)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	struct epoll_event events[EVENTS];
	long		to_start = count;
	int			running;

	headers = curl_slist_append(headers, "Expect:");
	for (int i = 0; i < in_flight && to_start > 0; i++, to_start--)
		curl_multi_add_handle(multi, create_easy(url, headers));
	for (long finished = 0; finished < count; finished += renew(&to_start))
	{
		int			ready = epoll_wait(poll_descriptor, events, EVENTS, timeout_ms < 0 ? 1000 : (int) timeout_ms);

		if (ready <= 0)
			curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
		for (int i = 0; i < ready; i++)
			curl_multi_socket_action(multi, events[i].data.fd,
									 (events[i].events & ~EPOLLOUT ? CURL_CSELECT_IN : 0) |
									 (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0), &running);
	}
}

int
main(int argc, char **argv)
{
	FILE	   *file;
	double		started;

	if (argc != 5)
		fail("usage: baseline URL COUNT IN_FLIGHT BODY_FILE");
	if ((file = fopen(argv[4], "r")) == NULL)
		fail("no such file");
	body[fread(body, 1, BODY_SIZE - 1, file)] = '\0';
	curl_global_init(CURL_GLOBAL_DEFAULT);
	poll_descriptor = epoll_create1(0);
	multi = curl_multi_init();
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1024L);

	started = now_seconds();
	run(argv[1], atol(argv[2]), atoi(argv[3]));
	printf("%.0f\n", atol(argv[2]) / (now_seconds() - started));
	return 0;
}
