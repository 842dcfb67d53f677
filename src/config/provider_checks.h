/*
 * provider_checks.h
 *		Whether a provider can work, as far as its row tells.
 *
 * All raise 22023 with a constant message and the value in DETAIL.
 */
#ifndef APPT_PROVIDER_CHECKS_H
#define APPT_PROVIDER_CHECKS_H

#include "utils/jsonb.h"

/* A row of appt.provider, with its secret. */
typedef struct Provider
{
	char	   *channel;
	char	   *kind;
	char	   *url;			/* may be NULL, as may the next three */
	char	   *sender;
	char	   *username;
	char	   *secret;
	char	   *inbound_secret; /* NULL or empty: none */
	Jsonb	   *settings;
} Provider;

/* Everything but the secret is valid. */
extern void check_provider(const Provider *provider);

/* The secret is there if the provider cannot work without one, and only if it connects to anything. */
extern void require_secret(const Provider *provider);

/* There is an inbound secret only if the kind sends something of its own accord. */
extern void check_inbound_secret(const Provider *provider);

#endif							/* APPT_PROVIDER_CHECKS_H */
