/*
 * lookup.c
 *		A getaddrinfo for tests, to be loaded before libc's (LD_PRELOAD).
 *
 * Names that end in .test are special: *.hang.test takes 30 s, *.fail.test
 * can't be looked up now, *.unknown.test is not known, *.private.test is a
 * private address, change.test is another address at each look-up, all others
 * are the loopback. Each look-up of one is noted as a line of the file that
 * LOOKUP_LOG names: "blocked NAME", or "open NAME" on a thread that takes
 * signals. None has an address of IPv6, for which libcurl asks by itself since
 * 8.20.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
	int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
	static int changes = 0;
	sigset_t	blocked;

	if (node != NULL && strstr(node, ".test") != NULL)
	{
		int			log;

		if (hints != NULL && hints->ai_family == AF_INET6)
			return EAI_NONAME;
		log = open(getenv("LOOKUP_LOG"), O_WRONLY | O_APPEND | O_CREAT, 0600);

		pthread_sigmask(SIG_SETMASK, NULL, &blocked);
		(void) !write(log, sigismember(&blocked, SIGTERM) ? "blocked " : "open ", sigismember(&blocked, SIGTERM) ? 8 : 5);
		(void) !write(log, node, strlen(node));
		(void) !write(log, "\n", 1);
		close(log);
		if (strstr(node, "hang.test") != NULL)
			sleep(30);
		if (strstr(node, "fail.test") != NULL)
			return EAI_AGAIN;
		if (strstr(node, "unknown.test") != NULL)
			return EAI_NONAME;
		if (strstr(node, "private.test") != NULL)
			node = "10.0.0.1";
		else if (strstr(node, "change.test") != NULL)
			node = changes++ == 0 ? "127.0.0.1" : "127.0.0.2";
		else
			node = "127.0.0.1";
	}
	return real(node, service, hints, result);
}
