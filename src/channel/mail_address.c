/*
 * mail_address.c
 *		Mail addresses, bare or with a name.
 *
 * The local part must be an ASCII dot-atom; a domain may be international and
 * is sent in its ASCII form. SMTPUTF8 is not used.
 */
#include "postgres.h"

#include <unicode/uidna.h>

#include "common/string.h"
#include "mb/pg_wchar.h"

#include "channel/mail_address.h"
#include "core/encoding.h"
#include "core/text.h"

#define MAX_LOCAL_PART 64
#define MAX_DOMAIN 253
#define MAX_LABEL 63
#define MAX_ADDRESS 254

/* Letters, digits and some signs, in parts separated by single dots. */
static bool
is_dot_atom(const char *text, size_t length)
{
	if (length == 0 || text[0] == '.' || text[length - 1] == '.')
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (text[i] == '.' ? text[i + 1] == '.'
			: text[i] == '\0' || strchr("!#$%&'*+-/=?^_`{|}~0123456789"
										"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
										text[i]) == NULL)
			return false;
	}
	return true;
}

/* Letters, digits and inner hyphens, in labels separated by single dots. */
static bool
is_ascii_domain(const char *domain)
{
	size_t		length = strlen(domain);
	const char *label = domain;

	if (length == 0 || length > MAX_DOMAIN)
		return false;
	for (;;)
	{
		size_t		size = strcspn(label, ".");

		if (size == 0 || size > MAX_LABEL || label[0] == '-' || label[size - 1] == '-' ||
			strspn(label, "-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") < size)
			return false;
		if (label[size] == '\0')
			return true;
		label += size + 1;
	}
}

/* An international domain in ASCII, or NULL. */
static char *
domain_to_ascii(const char *domain)
{
	char		ascii[MAX_DOMAIN + 3];
	UErrorCode	status = U_ZERO_ERROR;
	UIDNAInfo	info = UIDNA_INFO_INITIALIZER;
	UIDNA	   *idna;
	int			length;

	idna = uidna_openUTS46(UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_USE_STD3_RULES |
						   UIDNA_CHECK_BIDI, &status);
	if (U_FAILURE(status))
		return NULL;
	length = uidna_nameToASCII_UTF8(idna, domain, -1, ascii, MAX_DOMAIN + 2,
									&info, &status);
	uidna_close(idna);
	if (U_FAILURE(status) || info.errors != 0 || length > MAX_DOMAIN)
		return NULL;
	return pnstrdup(ascii, length);
}

char *
ascii_mail_address(const char *address)
{
	const char *at = strrchr(address, '@');
	size_t		local_length = at ? at - address : 0;
	char	   *domain;
	char	   *result;

	if (at == NULL || local_length > MAX_LOCAL_PART || !is_dot_atom(address, local_length))
		return NULL;
	domain = pg_is_ascii(at + 1) ? unconstify(char *, at + 1) : domain_to_ascii(at + 1);
	if (domain == NULL || !is_ascii_domain(domain))
		return NULL;
	result = psprintf("%.*s@%s", (int) local_length, address, domain);
	return strlen(result) <= MAX_ADDRESS ? result : NULL;
}

/* A copy without blanks at its ends. */
static char *
trimmed(const char *start, const char *end)
{
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return pnstrdup(start, end - start);
}

/* "Quoted, \"name\"" without its quotes; other text as it is. */
static char *
unquoted(char *name)
{
	size_t		length = strlen(name);
	char	   *end = name;

	if (length < 2 || name[0] != '"' || name[length - 1] != '"')
		return name;
	for (size_t i = 1; i < length - 1; i++)
	{
		if (name[i] == '\\' && i + 1 < length - 1)
			i++;
		*end++ = name[i];
	}
	*end = '\0';
	return name;
}

bool
parse_mailbox(const char *text, char **name, char **address)
{
	const char *end = text + strlen(text);
	const char *opening = strrchr(text, '<');

	*name = NULL;
	if (!is_one_line(text))
		return false;
	if (opening == NULL)
	{
		*address = trimmed(text, end);
		return ascii_mail_address(*address) != NULL;
	}
	while (end > opening && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (end[-1] != '>')
		return false;
	*address = trimmed(opening + 1, end - 1);
	*name = unquoted(trimmed(text, opening));
	if ((*name)[0] == '\0')
		*name = NULL;
	return ascii_mail_address(*address) != NULL;
}

bool
mailbox_parts(const char *mailbox, char **name, char **address)
{
	char	   *utf8 = encoding_to_utf8(mailbox);

	if (utf8 == NULL || !parse_mailbox(utf8, name, address))
		return false;
	*address = ascii_mail_address(*address);
	if (*name != NULL)
		*name = pg_any_to_server(*name, strlen(*name), PG_UTF8);
	return true;
}

const char *
sender_problem(const char *sender)
{
	char	   *utf8 = sender ? encoding_to_utf8(sender) : NULL;
	char	   *name;
	char	   *address;

	if (utf8 == NULL || utf8[0] == '\0')
		return "the sender is empty";
	if (!is_one_line(utf8))
		return "the sender must not contain line breaks or other control characters";
	if (!parse_mailbox(utf8, &name, &address))
		return "the sender must be an email address, or a name and then an address in angle brackets";
	return NULL;
}

char *
sender_address(const char *sender)
{
	char	   *utf8 = sender ? encoding_to_utf8(sender) : NULL;
	char	   *name;
	char	   *address;

	if (utf8 == NULL || !parse_mailbox(utf8, &name, &address))
		return NULL;
	return address;
}
