/*
 * phone.c
 *		Phone numbers and the senders of text messages.
 */
#include "postgres.h"

#include <ctype.h>

#include "channel/phone.h"

#define LONGEST_ALPHANUMERIC_SENDER 11

/* Of those that are told from phone numbers by their length. */
#define LONGEST_SHORT_CODE 6

/* E.164: a plus sign and at most 15 digits, the first not 0. */
bool
phone_number_is_valid(const char *number)
{
	size_t		digits;

	if (number[0] != '+' || number[1] < '1' || number[1] > '9')
		return false;
	digits = strspn(number + 1, "0123456789");
	return digits >= 7 && digits <= 15 && number[1 + digits] == '\0';
}

bool
short_code_is_valid(const char *sender)
{
	size_t		digits = strspn(sender, "0123456789");

	return digits >= 3 && digits <= 8 && sender[digits] == '\0';
}

bool
alphanumeric_sender_is_valid(const char *sender)
{
	size_t		length = strlen(sender);

	return length <= LONGEST_ALPHANUMERIC_SENDER && sender[0] != ' ' &&
		strpbrk(sender, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != NULL &&
		strspn(sender, " &+-_0123456789"
			   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == length;
}

/*
 * The digits, and a leading plus sign, of a number like "+30 (210) 223-4988" or
 * "210/2234988". NULL if it contains anything else.
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

/* In Italy and San Marino the 0 is dialed from abroad, too. */
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
	return phone_number_is_valid(number) ? number : pstrdup(phone);
}

/* Digits without a country's code: a phone number has at least 7 almost everywhere. */
char *
sms_end_normalize(const char *end, const char *calling_code)
{
	if (short_code_is_valid(end) && strlen(end) <= LONGEST_SHORT_CODE)
		return pstrdup(end);
	return phone_normalize(end, calling_code);
}
