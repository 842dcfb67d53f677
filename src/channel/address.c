/*
 * address.c
 *		Addresses as people write them, and as they are compared.
 */
#include "postgres.h"

#include <ctype.h>

#include "channel/parts.h"
#include "core/encoding.h"

/*
 * The digits of a number as people write them, "+30 (210) 223-4988" or
 * "210/2234988", with a plus sign if it has one. NULL if there is anything else.
 */
static char *
significant_characters(const char *phone)
{
	char	   *result = (char *) palloc(strlen(phone) + 1);
	char	   *end = result;

	for (const char *c = phone; *c != '\0'; c++)
	{
		if (isdigit((unsigned char) *c) || (*c == '+' && end == result))
			*end++ = *c;
		else if (strchr(" -./()", *c) == NULL)
			return NULL;
	}
	*end = '\0';
	return result;
}

/* In Italy and San Marino the 0 is part of the number, also from abroad. */
static bool
keeps_leading_zero(const char *calling_code)
{
	return strcmp(calling_code, "39") == 0 || strcmp(calling_code, "378") == 0;
}

char *
phone_normalize(const char *phone, const char *calling_code)
{
	char	   *digits = significant_characters(phone);
	char	   *number;

	if (digits == NULL)
		return pstrdup(phone);
	if (digits[0] == '+')
		number = digits;
	else if (strncmp(digits, "00", 2) == 0)
		number = psprintf("+%s", digits + 2);
	else if (calling_code != NULL)
	{
		const char *code = calling_code[0] == '+' ? calling_code + 1 : calling_code;

		if (digits[0] == '0' && !keeps_leading_zero(code))
			digits++;
		number = psprintf("+%s%s", code, digits);
	}
	else
		return pstrdup(phone);
	return channel_address_is_valid(CHANNEL_SMS, number) ? number : pstrdup(phone);
}

char *
channel_address_key(ChannelCode channel, const char *address)
{
	char	   *utf8 = encoding_to_utf8(address);
	char	   *key = channel == CHANNEL_EMAIL && utf8 != NULL ? ascii_mail_address(utf8) : NULL;

	if (key == NULL)
		return pstrdup(address);
	for (char *c = strrchr(key, '@'); *c != '\0'; c++)
		*c = pg_ascii_tolower((unsigned char) *c);
	return key;
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
