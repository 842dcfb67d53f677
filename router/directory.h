/*
 * directory.h
 *		Which shard has which tenant: the tables shard, tenant and home.
 *
 * They are read without SPI, by their indexes, as the latest transactions left them,
 * whatever the caller's snapshot and privileges.
 */
#ifndef ROUTER_DIRECTORY_H
#define ROUTER_DIRECTORY_H

#include "nodes/pg_list.h"
#include "utils/uuid.h"

#include "core/tagged_id.h"

typedef struct Shard
{
	int			node;
	char	   *conninfo;
	char	   *token_login;
	char	   *service_login;
	bool		uses_names;
	bool		accepts_tenants;
} Shard;

/*
 * The node of a tenant; -1: the directory has no such tenant. If the tenant is being
 * moved it waits for the end of that, at most appt_router.move_timeout, and then raises
 * PT503.
 */
extern int	node_of_application(const pg_uuid_t *application_id);
extern int	node_of_tag(const uint8 *tag);

/*
 * Was any tenant being moved? If so it waits until none is, as above. For what nobody
 * had: it may have been on its way.
 */
extern bool waited_for_moves(void);

/* The node where an organization's applications are created; -1: unknown. */
extern int	home_of_organization(const pg_uuid_t *organization_id);

/* The nodes that have something of an organization, its home first, as a list of integers. */
extern List *nodes_of_organization(const pg_uuid_t *organization_id);

/* All nodes, in ascending order. */
extern List *all_nodes(void);

/* A shard, in CurrentMemoryContext; false if there is no such node. */
extern bool shard_of_node(int node, Shard *shard);

#endif							/* ROUTER_DIRECTORY_H */
