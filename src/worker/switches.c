/*
 * switches.c
 *		Withdraws messages that have not left yet when a switch goes off.
 *
 * A claim reads the switches, but a transfer may wait for seconds before it
 * sends its first byte: for a look-up, a token, a connection. A commit that
 * switches an organization's notifications, or holds an application, tells the
 * workers; they then read the switches of all messages that wait in this way. A withdrawn message returns to
 * the queue as it was, and the next claim judges it like any other.
 *
 * COMMIT PREPARED does not report a switch; it causes a sweep, and a sweep reads
 * the switches too. A tenant that toggles its switch all the time costs the
 * others one small query, at most ten times a second.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "core/column.h"
#include "core/row.h"
#include "core/statement.h"
#include "transfer/withdraw.h"
#include "worker/delivery.h"
#include "worker/guard.h"
#include "worker/switches.h"

static Statement select_switched_off = {
	"SELECT a.id FROM appt.application a JOIN appt.organization o ON o.id = a.organization_id "
	"WHERE a.id = ANY ($1) AND (a.is_held OR NOT o.notifications_enabled)",
	1, {UUIDARRAYOID}
};

/* First those that have messages waiting, then those of them that are switched off. */
typedef struct Applications
{
	pg_uuid_t  *ids;
	int			count;
} Applications;

static bool
contains(const Applications *applications, const pg_uuid_t *id)
{
	for (int i = 0; i < applications->count; i++)
	{
		if (memcmp(&applications->ids[i], id, sizeof(pg_uuid_t)) == 0)
			return true;
	}
	return false;
}

/* A filter that withdraws nothing: it collects the applications of the messages. */
static bool
note_application(void *tag, void *argument)
{
	const Delivery *delivery = (const Delivery *) tag;
	Applications *applications = (Applications *) argument;

	if (!notification_types[delivery->message->type].ignores_switches &&
		!contains(applications, &delivery->application_id))
		applications->ids[applications->count++] = delivery->application_id;
	return false;
}

static bool
is_switched_off(void *tag, void *argument)
{
	const Delivery *delivery = (const Delivery *) tag;

	return !notification_types[delivery->message->type].ignores_switches &&
		contains((const Applications *) argument, &delivery->application_id);
}

static bool
is_any(void *tag, void *argument)
{
	return true;
}

static void
keep_switched_off(void *argument)
{
	Applications *applications = (Applications *) argument;
	Column	   *ids = column_create(UUIDOID, applications->count);
	uint64		rows;

	for (int i = 0; i < applications->count; i++)
		column_add_uuid(ids, &applications->ids[i]);
	rows = statement_run(&select_switched_off, column_array(ids));
	for (uint64 row = 0; row < rows; row++)
		applications->ids[row] = next_uuid(ROW(row));
	applications->count = (int) rows;
}

bool
withdraw_switched_off(Worker *worker, TransferEngine *engine)
{
	Applications applications = {
		.ids = (pg_uuid_t *) palloc(sizeof(pg_uuid_t) * (transfers_in_flight(engine) + 1))
	};

	(void) transfer_withdraw(engine, note_application, &applications);
	if (applications.count == 0)
		return true;
	if (!worker_run(worker, keep_switched_off, &applications, NULL))
		return false;
	return applications.count == 0 || transfer_withdraw(engine, is_switched_off, &applications);
}

bool
withdraw_all(TransferEngine *engine)
{
	return transfer_withdraw(engine, is_any, NULL);
}
