/*
 * settings.h
 *		The settings of the router, all of them in milliseconds.
 */
#ifndef ROUTER_SETTINGS_H
#define ROUTER_SETTINGS_H

/* appt_router.move_timeout: how long a call waits for a tenant that is being moved. */
extern int	router_move_timeout;

/* appt_router.connect_timeout: how long a call waits for a connection to a shard, for each host of its connection string. */
extern int	router_connect_timeout;

#endif							/* ROUTER_SETTINGS_H */
