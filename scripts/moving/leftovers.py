"""
What is left of a tenant where it was: everything but its application, its appointments, its queue, and what the switch has withheld.

It stays until every transaction has ended that was under way when the tenant left. What these change or delete follows the tenant,
but not over what has changed there. Then it is deleted in batches.
"""

import contextlib
import time

import psycopg2

from moving.tables import IS_CHANGED, bring_late, drop_missing

BATCH = 5000
# Between two looks at what has changed: the first, and the longest.
PAUSE = 0.2
LONGEST_PAUSE = 5

# So long callers of the target may wait for rows that are brought while others keep the mover from going on.
LOCK_TIMEOUT = "500ms"

# Here the worker's retention deletes, by age and by what it finds beside a row, and otherwise only who has locked the application.
AGEING = ("change", "daily_figure", "hourly_figure", "idempotency_key", "inbound_message", "one_time_code", "provider_message", "response",
          "user_event")

# Of transactions that were under way when the tenant left. Prepared ones have none.
OLD_PROCESSES = """
SELECT string_agg(pid::text, ', ' ORDER BY pid) FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND age(backend_xid) >= age(%s::xid8::xid)
"""

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
    def __init__(self, source, target, tables, log, tenant, deleted, say):
        """deleted: names of the tables whose rows went with the tenant."""
        self.say = say
        self.source, self.target, self.log, self.tenant = source, target, log, tenant
        self.tables = [table for name, table in sorted(tables.items()) if name not in ("application", "notification", "attempt")]
        self.followed = [table for table in self.tables if table.short_name not in deleted]
        self.kept = 0

    def clear(self, arrival):
        """Returns how many late changes were not brought."""
        self.arrival = arrival
        self.since, self.late_since, left_at, is_compared = arrival.state()
        pause = PAUSE
        while not is_compared:
            is_last = self.source.value("SELECT pg_snapshot_xmin(pg_current_snapshot()) > %s::xid8", left_at)
            self.clear_log()
            is_compared = self.try_to_follow(is_last) and is_last
            if not is_compared:
                if pause == 2 * PAUSE:
                    self.say_why(left_at)
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        self.clear_log()
        for table in self.tables:
            while self.batch(self.clear_table, table):
                pass
        return self.kept

    def say_why(self, left_at):
        processes = self.source.value(OLD_PROCESSES, left_at)
        if processes is not None:
            self.say("clear", "transactions that were under way have not ended: processes %s of the source's server" % processes)

    @contextlib.contextmanager
    def short_wait(self):
        """A transaction of the target that raises LockNotAvailable rather than have callers wait for what it has locked."""
        with self.target.transaction():
            self.target.run("SET LOCAL lock_timeout = '%s'" % LOCK_TIMEOUT)
            yield

    # ---------- what was changed late ----------

    def try_to_follow(self, is_last):
        before = self.kept
        try:
            self.follow(is_last)
            return True
        except psycopg2.errors.LockNotAvailable:
            self.kept = before
            return False

    def follow(self, is_last):
        """The last time deletions, too. Then they are not compared any more: rows at the source are about to be deleted."""
        with self.short_wait():
            for table in self.followed:
                if is_last and table.short_name not in AGEING:
                    drop_missing(self.source, self.target, table, self.tenant)
                self.bring(table, table.of_tenant, self.tenant, self.late_since, is_last)
            if is_last:
                self.arrival.note_comparison()

    def bring(self, table, condition, value, since, is_last):
        """
        Of these rows those that have changed since and were not brought before, in a transaction of the target; returns the keys of
        those that are brought. Counts those that stay behind because they have changed at the target, too.
        """
        rows = self.source.rows("SELECT t.ctid::text, t.xmin::text, %s, %s FROM %s t WHERE %s AND %s" % (
            IS_CHANGED, table.key_of("t"), table.name, condition, IS_CHANGED), self.late_since, value, since)
        known = self.arrival.known(table)
        new = [row for row in rows if row[:2] not in known]
        brought, refused = self.bring_in_parts(table, [row[0] for row in new]) if new else ([], [])
        if not is_last:
            # Perhaps a row is in the way that will have been deleted.
            new = [row for row in new if row[0] not in refused]
        if table in self.followed:
            self.arrival.know(table, [row[:2] for row in new])
        self.kept += len({row[3:] for row in new if row[2]} - set(brought))
        return brought

    def bring_in_parts(self, table, places):
        """All at once, or else one by one; the keys that were brought, and the places of rows whose values are taken."""
        try:
            return bring_late(self.source, self.target, table, places, self.tenant), []
        except psycopg2.errors.UniqueViolation:
            if len(places) == 1:
                return [], places
        parts = [self.bring_in_parts(table, [place]) for place in places]
        return [key for keys, _ in parts for key in keys], [place for _, refused in parts for place in refused]

    # ---------- what is deleted: first the log, which does not wait, because messages may be due ----------

    def clear_log(self):
        while self.batch(self.clear_notifications):
            pass

    def batch(self, clear, *arguments):
        """
        One batch, first brought, then deleted; 0: nothing is left. Again, if a transaction has changed one of its rows meanwhile, or keeps
        one locked at the target.
        """
        while True:
            self.source.run("BEGIN ISOLATION LEVEL REPEATABLE READ")
            self.source.run("SET LOCAL session_replication_role = replica")
            before = self.kept
            try:
                count = clear(*arguments)
                self.source.run("COMMIT")
                return count
            except psycopg2.errors.SerializationFailure:
                self.source.run("ROLLBACK")
            except psycopg2.errors.LockNotAvailable:
                self.source.run("ROLLBACK")
                self.kept = before
                time.sleep(PAUSE)

    def clear_notifications(self):
        """The switch has read only what mattered of the log. All else is the target's: what is deleted there stays so."""
        ids = [row[0] for row in self.source.rows(NOTIFICATIONS, self.tenant, BATCH)]
        with self.short_wait():
            brought = [key for (key,) in self.bring(self.log.notifications, "t.id = ANY (%s)", ids, self.since, True)]
            self.bring(self.log.attempts, "t.notification_id = ANY (%s)", ids, self.since, True)
            # The worker leaves them alone: they are locked.
            self.target.run("DELETE FROM appt.due WHERE application_id = %s AND notification_id = ANY (%s)", self.tenant, brought)
            self.target.run(REBUILD_QUEUE, self.tenant, brought)
        self.source.run("DELETE FROM appt.attempt WHERE notification_id = ANY (%s)", ids)
        self.source.run("DELETE FROM appt.notification WHERE id = ANY (%s)", ids)
        return len(ids)

    def clear_table(self, table):
        places = [row[0] for row in self.source.rows("SELECT t.ctid::text FROM %s t WHERE %s LIMIT %d" % (
            table.name, table.of_tenant, BATCH), self.tenant)]
        if table in self.followed:
            with self.short_wait():
                self.bring(table, "t.ctid = ANY (%s::tid[])", places, self.late_since, True)
        self.source.run("DELETE FROM %s WHERE ctid = ANY (%%s::tid[])" % table.name, places)
        return len(places)
