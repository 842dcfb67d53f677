/*
 * rest_request.c
 *		The HTTP request that PostgREST executes, as it describes it in
 *		settings of its transaction.
 *
 * request.headers is a JSON object with names in lower case; of a header that
 * is sent twice PostgREST tells the last value. Any session can
 * set it, so it is believed, like a token's claims, only in sessions of
 * members of appt_authenticator. X-Forwarded-For in it comes from the client,
 * except for its last entry, which the last proxy added: the operator says
 * whether there is such a proxy.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "utils/guc.h"

#include "core/json_strings.h"
#include "core/rest_request.h"
#include "core/roles.h"
#include "core/settings.h"

char *
request_header(const char *name)
{
	return session_is_believed() ? json_string(GetConfigOption("request.headers", true, false), name) : NULL;
}

/* The last entry of a comma-separated list, without blanks, port and brackets. */
static char *
last_entry(char *list)
{
	char	   *comma = strrchr(list, ',');
	char	   *entry = comma ? comma + 1 : list;
	char	   *colon;

	entry += strspn(entry, " \t");
	entry[strcspn(entry, " \t")] = '\0';
	if (entry[0] == '[')
	{
		entry++;
		entry[strcspn(entry, "]")] = '\0';
	}
	else if ((colon = strchr(entry, ':')) != NULL && strchr(colon + 1, ':') == NULL)
		*colon = '\0';
	return entry;
}

/* The network of an IPv6 address, 64 bits; for one that contains an IPv4 address, that address. */
static char *
normalized_ipv6(struct in6_addr *address)
{
	char		text[INET6_ADDRSTRLEN];

	if (IN6_IS_ADDR_V4MAPPED(address))
	{
		(void) inet_ntop(AF_INET, &address->s6_addr[12], text, sizeof(text));
		return pstrdup(text);
	}
	memset(&address->s6_addr[8], 0, 8);
	(void) inet_ntop(AF_INET6, address, text, sizeof(text));
	return psprintf("%s/64", text);
}

char *
request_client_address(void)
{
	struct in_addr ipv4;
	struct in6_addr ipv6;
	char	   *list;
	char	   *entry;

	if (!appt_trust_forwarded_for)
		return NULL;
	list = request_header("x-forwarded-for");
	if (list == NULL)
		return NULL;
	entry = last_entry(list);
	if (inet_pton(AF_INET, entry, &ipv4) == 1)
		return pstrdup(entry);
	if (inet_pton(AF_INET6, entry, &ipv6) == 1)
		return normalized_ipv6(&ipv6);
	return NULL;
}
