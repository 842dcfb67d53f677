/*
 * node.h
 *		Numbers of rows that do not collide between databases.
 *
 * The identity columns of a database count from node x 2^43 on (set_node). The numbers
 * of the rows of one node grow with time. Rows that were moved in from another node keep
 * theirs, so across nodes only times tell which row is older. Below 2^53, so a number is
 * exact in JSON.
 */
#ifndef APPT_NODE_H
#define APPT_NODE_H

#include "c.h"

#define NODE_BITS 43
#define NODES 1024

static inline int
node_of_number(int64 number)
{
	return (int) (number >> NODE_BITS);
}

/* The least number of a node. */
static inline int64
first_of_node(int node)
{
	return (int64) node << NODE_BITS;
}

/* The last number that the identity column of a table gave: an own row has none above, a row of a higher node has. */
#define LAST_OWN(table) "(SELECT s.last_value FROM appt." table "_id_seq s)"

#endif							/* APPT_NODE_H */
