/*
 * price.c
 *		What a provider charges for a message: per_message, and per_segment for
 *		each segment. One that is left out is 0.
 */
#include "postgres.h"

#include "channel/price.h"
#include "core/json.h"

bool
currency_is_valid(const char *currency)
{
	return strspn(currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == CURRENCY_LENGTH &&
		currency[CURRENCY_LENGTH] == '\0';
}

/* The number of this name times `count`; 0 if there is none. */
static Numeric
times(const Jsonb *price, const char *name, int count)
{
	Numeric		number = json_root_numeric(price, name);
	bool		is_too_large = false;

	return number == NULL ? int64_to_numeric(0) :
		numeric_mul_opt_error(number, int64_to_numeric(count), &is_too_large);
}

Charge
charge_for(const Jsonb *settings, int segments)
{
	Jsonb	   *price = json_root_jsonb(settings, "price");
	char	   *currency = json_root_text(price, "currency");
	Charge		charge = {NULL, NULL};
	bool		is_too_large = false;

	if (currency == NULL)
		return charge;
	charge.cost = numeric_add_opt_error(times(price, "per_message", 1),
										times(price, "per_segment", segments), &is_too_large);
	charge.currency = currency;
	return is_too_large ? (Charge) {NULL, NULL} : charge;
}
