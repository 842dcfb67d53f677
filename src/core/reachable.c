/*
 * reachable.c
 *		Which network addresses appt may connect to.
 *
 * Tenants choose URLs and the server opens the connections: without a check, a
 * subscription could reach whatever the database host can. So only globally
 * routed unicast addresses are contacted, unless the operator lists others in
 * appt.allowed_addresses. For IPv4 the special blocks are listed (the IANA
 * special-purpose registry). For IPv6 only 2000::/3 is global unicast, so
 * everything else is special, and so are a few blocks in it. IPv6 addresses
 * that contain an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo) are
 * special whatever it is, and only an IPv6 entry can allow them: what a
 * translator makes of them cannot be known here.
 *
 * The list is parsed for each check instead of being kept in compiled form. It
 * is short, connections are rare compared with the requests on them, and a
 * parser without state can run in a libcurl callback, where nothing may be
 * allocated or raised. An entry that does not parse allows nothing.
 */
#include "postgres.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "core/reachable.h"

/* Longest text of one entry: a full IPv6 address, brackets, prefix, port. */
#define MAX_ENTRY_LENGTH 80

/* A block of addresses of one family, in network byte order. */
typedef struct AddressBlock
{
	int			family;			/* AF_INET or AF_INET6 */
	uint8		address[16];
	int			prefix_length;
	int			port;			/* 0: any */
} AddressBlock;

/* IPv4 blocks that are not globally reachable, or not unicast. */
static const AddressBlock special_ipv4[] = {
	{AF_INET, {0}, 8},			/* this network */
	{AF_INET, {10}, 8},			/* private */
	{AF_INET, {100, 64}, 10},	/* shared, carrier-grade NAT */
	{AF_INET, {127}, 8},		/* loopback */
	{AF_INET, {169, 254}, 16},	/* link-local, cloud metadata */
	{AF_INET, {172, 16}, 12},	/* private */
	{AF_INET, {192, 0, 0}, 24}, /* protocol assignments */
	{AF_INET, {192, 0, 2}, 24}, /* documentation */
	{AF_INET, {192, 88, 99}, 24},	/* 6to4 relays */
	{AF_INET, {192, 168}, 16},	/* private */
	{AF_INET, {198, 18}, 15},	/* benchmarks */
	{AF_INET, {198, 51, 100}, 24},	/* documentation */
	{AF_INET, {203, 0, 113}, 24},	/* documentation */
	{AF_INET, {224}, 4},		/* multicast */
	{AF_INET, {240}, 4},		/* reserved, broadcast */
};

/*
 * All global unicast addresses of IPv6. Outside of it: ::, ::1, mapped,
 * compatible, NAT64, unique local, link-local, site-local, multicast,
 * discard-only.
 */
static const AddressBlock global_ipv6 = {AF_INET6, {0x20}, 3};

/* Special blocks in it. */
static const AddressBlock special_ipv6[] = {
	{AF_INET6, {0x20, 0x01, 0x00}, 23}, /* protocol assignments, Teredo,
										 * ORCHID, benchmarks */
	{AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32},	/* documentation */
	{AF_INET6, {0x20, 0x02}, 16},	/* 6to4 */
	{AF_INET6, {0x3f, 0xff, 0x00}, 20}, /* documentation */
};

static int
address_length(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* Are the first prefix_length bits equal? */
static bool
block_contains(const AddressBlock *block, int family, const uint8 *address)
{
	int			whole_bytes = block->prefix_length / 8;
	int			bits = block->prefix_length % 8;
	uint8		mask = (uint8) (0xff << (8 - bits));

	if (block->family != family ||
		memcmp(block->address, address, whole_bytes) != 0)
		return false;
	return bits == 0 ||
		((block->address[whole_bytes] ^ address[whole_bytes]) & mask) == 0;
}

static bool
any_block_contains(const AddressBlock *blocks, int count, int family,
				   const uint8 *address)
{
	for (int i = 0; i < count; i++)
	{
		if (block_contains(&blocks[i], family, address))
			return true;
	}
	return false;
}

/* May it be contacted only if the list allows it? */
static bool
address_is_special(int family, const uint8 *address)
{
	if (family == AF_INET)
		return any_block_contains(special_ipv4, lengthof(special_ipv4),
								  family, address);
	return !block_contains(&global_ipv6, family, address) ||
		any_block_contains(special_ipv6, lengthof(special_ipv6),
						   family, address);
}

/* Parse a whole text as a decimal number without sign. */
static bool
parse_number(const char *text, int max, int *number)
{
	int			value = 0;

	if (*text == '\0' || (text[0] == '0' && text[1] != '\0'))
		return false;
	for (; *text != '\0'; text++)
	{
		if (*text < '0' || *text > '9')
			return false;
		value = value * 10 + (*text - '0');
		if (value > max)
			return false;
	}
	*number = value;
	return true;
}

/* Find the next entry, without the blanks around it. */
static bool
next_entry(const char **list, const char **start, size_t *length)
{
	const char *end;

	if (*list == NULL)
		return false;
	*start = *list + strspn(*list, " \t\r\n");
	end = *start + strcspn(*start, ",");
	*list = *end == ',' ? end + 1 : NULL;
	while (end > *start && strchr(" \t\r\n", end[-1]) != NULL)
		end--;
	*length = end - *start;
	return true;
}

/*
 * Split an entry, in place, into address, prefix length and port. The forms
 * are 10.0.0.0/8, 10.0.0.1, either followed by :port, fd00::/8, fd00::/8:port,
 * [fd00::]/8:port, [fd00::/8]:port. The port starts at a colon after the slash
 * or the closing bracket, or at the only colon.
 */
static bool
split_entry(char *entry, char **address, char **prefix, char **port)
{
	char	   *rest;
	char	   *slash;
	char	   *colon;

	*prefix = *port = NULL;
	*address = entry;
	rest = entry;
	if (entry[0] == '[')
	{
		*address = entry + 1;
		rest = strchr(entry, ']');
		if (rest == NULL)
			return false;
		*rest++ = '\0';
		if (*rest != '\0' && *rest != '/' && *rest != ':')
			return false;
		slash = strchr(*address, '/');
		if (slash != NULL)
		{
			*slash = '\0';
			*prefix = slash + 1;
		}
	}
	slash = strchr(rest, '/');
	if (slash != NULL)
	{
		if (*prefix != NULL)
			return false;
		*slash = '\0';
		*prefix = slash + 1;
		rest = slash + 1;
	}
	colon = strchr(rest, ':');
	if (colon != NULL && (rest != entry || strchr(colon + 1, ':') == NULL))
	{
		*colon = '\0';
		*port = colon + 1;
	}
	return true;
}

/* Parse one entry; false if it is malformed. */
static bool
parse_entry(const char *start, size_t length, AddressBlock *block)
{
	char		entry[MAX_ENTRY_LENGTH];
	char	   *address;
	char	   *prefix;
	char	   *port;
	int			max_prefix;

	if (length == 0 || length >= sizeof(entry))
		return false;
	memcpy(entry, start, length);
	entry[length] = '\0';
	memset(block, 0, sizeof(*block));

	if (!split_entry(entry, &address, &prefix, &port))
		return false;
	/* Brackets are allowed for IPv6 only. */
	if (inet_pton(AF_INET6, address, block->address) == 1)
		block->family = AF_INET6;
	else if (entry[0] != '[' && inet_pton(AF_INET, address, block->address) == 1)
		block->family = AF_INET;
	else
		return false;

	max_prefix = address_length(block->family) * 8;
	block->prefix_length = max_prefix;
	if (prefix != NULL && !parse_number(prefix, max_prefix, &block->prefix_length))
		return false;
	if (port != NULL &&
		(!parse_number(port, 65535, &block->port) || block->port == 0))
		return false;
	return true;
}

/* Does the list contain the address with this port? */
static bool
list_contains(const char *list, int family, const uint8 *address, int port)
{
	const char *start;
	size_t		length;
	AddressBlock block;

	while (next_entry(&list, &start, &length))
	{
		if (parse_entry(start, length, &block) &&
			(block.port == 0 || block.port == port) &&
			block_contains(&block, family, address))
			return true;
	}
	return false;
}

/* Does the list parse? *error is a sentence about the first malformed entry. */
bool
reachable_list_is_valid(const char *list, char **error)
{
	const char *start;
	size_t		length;
	AddressBlock block;

	if (list == NULL || list[strspn(list, " \t\r\n")] == '\0')
		return true;
	while (next_entry(&list, &start, &length))
	{
		if (!parse_entry(start, length, &block))
		{
			if (error != NULL)
				*error = psprintf("\"%.*s\" is not an address block such as 10.0.0.0/8, 192.168.1.7/32:8080 or [fd00::/8]:25.",
								  (int) Min(length, MAX_ENTRY_LENGTH), start);
			return false;
		}
	}
	return true;
}

/* May this address be connected to? */
bool
address_is_reachable(const struct sockaddr *address, const char *list)
{
	const uint8 *bytes;
	int			port;

	if (address->sa_family == AF_INET)
	{
		const struct sockaddr_in *ipv4 = (const struct sockaddr_in *) address;

		bytes = (const uint8 *) &ipv4->sin_addr;
		port = ntohs(ipv4->sin_port);
	}
	else if (address->sa_family == AF_INET6)
	{
		const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *) address;

		bytes = (const uint8 *) &ipv6->sin6_addr;
		port = ntohs(ipv6->sin6_port);
	}
	else
		return false;

	return !address_is_special(address->sa_family, bytes) ||
		list_contains(list, address->sa_family, bytes, port);
}
