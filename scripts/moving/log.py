"""
The log of a tenant: its notifications and attempts, far too many to be read while the tenant waits.

All of it is brought over before. Later only these can have changed and matter: notifications that were not settled, or are not now,
and those that are new. What changes otherwise (a receipt, a person who is forgotten) follows with the leftovers.
"""

from moving.tables import IS_CHANGED, bring

BATCH = 10000

PAGE = """
SELECT coalesce(array_agg(id), '{}'), max(due_at)::text, (array_agg(id ORDER BY due_at DESC, id DESC))[1]
FROM (SELECT id, due_at FROM appt.notification WHERE application_id = %s AND (due_at, id) > (%s::timestamptz, %s)
	ORDER BY due_at, id LIMIT %s) page
"""

LAST_ID = "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('appt.notification', 'id')), 0)"

CANDIDATES = """
SELECT coalesce(array_agg(DISTINCT id), '{}') FROM (
	SELECT unnest(%s::bigint[])
	UNION ALL SELECT notification_id FROM appt.due WHERE application_id = %s
	UNION ALL SELECT n.id FROM appt.notification n WHERE n.id > %s AND n.id <= %s AND n.application_id = %s) AS candidate (id)
"""


class Log:
    def __init__(self, source, target, tables, tenant):
        self.source, self.target, self.tenant = source, target, tenant
        self.notifications, self.attempts = tables["notification"], tables["attempt"]
        self.unsettled, self.last_id = [], 0

    def note(self):
        """What may change from now on."""
        self.last_id = self.source.value(LAST_ID)
        self.unsettled = self.source.value(
            "SELECT coalesce(array_agg(notification_id), '{}') FROM appt.due WHERE application_id = %s", self.tenant)

    def pages(self):
        due_at, last = "-infinity", 0
        while True:
            ids, due_at, last = self.source.row(PAGE, self.tenant, due_at, last, BATCH)
            if not ids:
                return
            yield ids

    def forget_unsettled(self):
        """Of an earlier copy: some may not be there any more."""
        self.target.run("WITH unsettled AS (DELETE FROM appt.notification WHERE application_id = %s AND settled_at IS NULL RETURNING id)"
                        " DELETE FROM appt.attempt a USING unsettled u WHERE a.notification_id = u.id", self.tenant)

    def bring(self, ids):
        """
        With their attempts. One that is being sent stays: the worker here would take it for one that its own predecessor has left
        behind.
        """
        self.target.run("DELETE FROM appt.attempt WHERE notification_id = ANY (%s)", ids)
        bring(self.source, self.target, self.notifications, "t.id = ANY (%s) AND t.state <> 'SENDING'", (ids,))
        bring(self.source, self.target, self.attempts, "t.notification_id = ANY (%s) AND t.finished_at IS NOT NULL", (ids,))

    def bring_all(self):
        self.note()
        for ids in self.pages():
            with self.target.transaction():
                self.bring(ids)

    def bring_changed(self, since):
        """In a transaction of the target; returns how many had changed."""
        before = self.unsettled, self.last_id
        self.note()
        candidates = self.source.value(CANDIDATES, before[0], self.tenant, before[1], self.last_id, self.tenant)
        there, changed = self.source.row(
            "SELECT coalesce(array_agg(t.id), '{}'), coalesce(array_agg(t.id) FILTER (WHERE %s), '{}')"
            " FROM appt.notification t WHERE t.id = ANY (%%s)" % IS_CHANGED, since, candidates)
        gone = list(set(candidates) - set(there))
        self.target.run("DELETE FROM appt.attempt WHERE notification_id = ANY (%s)", gone)
        self.target.run("DELETE FROM appt.notification WHERE id = ANY (%s)", gone)
        self.bring(changed)
        return len(gone) + len(changed)
