/*
 * claims.h
 *		The claims of a token that tell where a call goes.
 */
#ifndef ROUTER_CLAIMS_H
#define ROUTER_CLAIMS_H

#include "utils/uuid.h"

typedef struct Claims
{
	bool		has_application;
	pg_uuid_t	application_id;
	bool		has_organization;
	pg_uuid_t	organization_id;
} Claims;

/*
 * Reads a JSON object of claims; NULL or malformed JSON has none. Decides about no
 * permission: the shard judges the claims itself.
 */
extern void claims_read(Claims *claims, const char *text);

#endif							/* ROUTER_CLAIMS_H */
