"""
What is left of a tenant where it was: everything but its application, its appointments and its queue.

It is deleted in batches. What transactions have changed that were under way when the tenant left is brought after it, but not over
what has changed there.
"""

import time

import psycopg2

from moving.tables import IS_CHANGED, bring_late

BATCH = 5000
PAUSE = 0.2

REBUILD_QUEUE = """
INSERT INTO appt.due (lane, due_at, notification_id, application_id, first_due_at)
SELECT lane, next_attempt_at, id, application_id, due_at FROM appt.notification
WHERE application_id = %s AND settled_at IS NULL AND next_attempt_at IS NOT NULL AND id = ANY (%s)
ON CONFLICT DO NOTHING
"""

NOTIFICATIONS = """
SELECT id FROM appt.notification WHERE application_id = %s ORDER BY due_at, id LIMIT %s
"""


class Leftovers:
    def __init__(self, source, target, tables, log, tenant):
        self.source, self.target, self.log, self.tenant = source, target, log, tenant
        self.ordinary = [table for name, table in sorted(tables.items()) if name not in ("application", "notification", "attempt")]
        self.kept = 0

    def clear(self, copied_since, switched_since, left_at, arrived):
        """Until every transaction that may have written for the tenant has ended; how many late changes were not brought."""
        self.since, self.late_since, self.arrived = copied_since, switched_since, arrived
        while True:
            all_have_ended = self.source.value("SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", left_at)
            while self.batch(self.clear_log) + sum(self.batch(self.clear_table, table) for table in self.ordinary):
                pass
            if all_have_ended:
                return self.kept
            time.sleep(PAUSE)

    def batch(self, clear, *arguments):
        """One batch, first brought, then deleted; 0: nothing is left. Again, if a transaction has changed one of its rows meanwhile."""
        while True:
            self.source.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            self.source.run("SET LOCAL session_replication_role = replica")
            try:
                count = clear(*arguments)
                self.source.run("COMMIT")
                return count
            except psycopg2.errors.SerializationFailure:
                self.source.run("ROLLBACK")

    def bring(self, table, condition, values):
        """Of these rows, those that the copy has missed; their keys. Notes how many late ones had changed at the target, too."""
        changed = "%s AND %s" % (condition, IS_CHANGED)
        # Of the log the switch has read only what mattered. All else is the target's: what is deleted there stays so.
        since = self.since if table in (self.log.notifications, self.log.attempts) else self.late_since
        brought = set(bring_late(self.source, self.target, table, changed, (*values, since), self.arrived))
        late = self.source.rows("SELECT %s FROM %s t WHERE %s" % (table.key_of("t"), table.name, changed), *values, self.late_since)
        self.kept += len(set(late) - brought)
        return brought

    def clear_log(self):
        ids = [row[0] for row in self.source.rows(NOTIFICATIONS, self.tenant, BATCH)]
        with self.target.transaction():
            brought = [key for (key,) in self.bring(self.log.notifications, "t.id = ANY (%s)", (ids,))]
            self.bring(self.log.attempts, "t.notification_id = ANY (%s)", (ids,))
            # The worker leaves them alone: they are locked.
            self.target.run("DELETE FROM appt.due WHERE application_id = %s AND notification_id = ANY (%s)", self.tenant, brought)
            self.target.run(REBUILD_QUEUE, self.tenant, brought)
        self.source.run("DELETE FROM appt.attempt WHERE notification_id = ANY (%s)", ids)
        self.source.run("DELETE FROM appt.notification WHERE id = ANY (%s)", ids)
        return len(ids)

    def clear_table(self, table):
        places = [row[0] for row in self.source.rows("SELECT t.ctid::text FROM %s t WHERE %s LIMIT %d" % (
            table.name, table.of_tenant, BATCH), self.tenant)]
        # The queue is made of the notifications.
        if places and table.short_name != "due":
            with self.target.transaction():
                self.bring(table, "t.ctid = ANY (%s::tid[])", (places,))
        self.source.run("DELETE FROM %s WHERE ctid = ANY (%%s::tid[])" % table.name, places)
        return len(places)
