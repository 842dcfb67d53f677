/*
 * price.h
 *		What a provider charges for a message: its setting "price",
 *		{"per_message", "per_segment", "currency"}.
 */
#ifndef APPT_PRICE_H
#define APPT_PRICE_H

#include "utils/jsonb.h"
#include "utils/numeric.h"

/* ISO 4217: letters of a currency. */
#define CURRENCY_LENGTH 3

typedef struct Charge
{
	Numeric		cost;			/* NULL: the provider has no price */
	char	   *currency;		/* NULL without a cost */
} Charge;

/*
 * The charge for a message of so many segments (0: its channel has none), exact,
 * in CurrentMemoryContext. `settings` are the provider's and may be NULL.
 */
extern Charge charge_for(const Jsonb *settings, int segments);

/* Three capital letters? */
extern bool currency_is_valid(const char *currency);

#endif							/* APPT_PRICE_H */
