"""How far a tenant has come that arrives at the target: kept there, in the schema appt_move, until the move is over."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS appt_move;
CREATE TABLE IF NOT EXISTS appt_move.arriving (
	application_id uuid PRIMARY KEY,
	-- Transactions of the source: what the copy and the switch may have missed is of these or later; who found the tenant is earlier.
	copied_since xid8 NOT NULL,
	switched_since xid8,
	left_at xid8,
	-- What was deleted late at the source is deleted here, too.
	is_compared boolean NOT NULL DEFAULT false
);
-- A row by each transaction that has brought rows: xmin tells which.
CREATE TABLE IF NOT EXISTS appt_move.brought (application_id uuid NOT NULL);
-- Versions of rows of the source that have been brought when they had changed: not again, they may have been deleted here.
CREATE TABLE IF NOT EXISTS appt_move.known (
	application_id uuid NOT NULL,
	table_name text NOT NULL,
	place text NOT NULL,
	version text NOT NULL
);
-- Rows that wait for the tenant to have left.
CREATE TABLE IF NOT EXISTS appt_move.withheld (application_id uuid NOT NULL, table_name text NOT NULL, content jsonb NOT NULL)
"""

BEGIN = """
INSERT INTO appt_move.arriving (application_id, copied_since) VALUES (%s, %s::xid8)
ON CONFLICT (application_id) DO UPDATE SET copied_since = excluded.copied_since, switched_since = NULL, left_at = NULL
"""

FORGET = """
DELETE FROM appt_move.arriving WHERE application_id = %s;
DELETE FROM appt_move.brought WHERE application_id = %s;
DELETE FROM appt_move.known WHERE application_id = %s;
DELETE FROM appt_move.withheld WHERE application_id = %s
"""


class Arrival:
    def __init__(self, database, tenant):
        self.database, self.tenant = database, tenant

    def make_schema(self):
        self.database.run(SCHEMA)

    def state(self):
        """copied_since, switched_since, left_at and is_compared; None: no move has begun."""
        rows = self.database.rows("SELECT copied_since::text, switched_since::text, left_at::text, is_compared"
                                  " FROM appt_move.arriving WHERE application_id = %s", self.tenant)
        return rows[0] if rows else None

    def begin(self, copied_since):
        """The copy begins, perhaps anew."""
        self.database.run(BEGIN, self.tenant, copied_since)
        self.database.run("DELETE FROM appt_move.withheld WHERE application_id = %s", self.tenant)
        self.database.run("DELETE FROM appt_move.known WHERE application_id = %s", self.tenant)

    def note_switch(self, switched_since):
        self.database.run("UPDATE appt_move.arriving SET switched_since = %s::xid8 WHERE application_id = %s", switched_since, self.tenant)

    def note_departure(self, left_at):
        self.database.run("UPDATE appt_move.arriving SET left_at = %s::xid8 WHERE application_id = %s AND left_at IS NULL",
                          left_at, self.tenant)

    def know(self, table, versions):
        """A version is a ctid and an xmin."""
        if versions:
            places, xmins = zip(*versions)
            self.database.run("INSERT INTO appt_move.known (application_id, table_name, place, version)"
                              " SELECT %s, %s, place, version FROM unnest(%s::text[], %s::text[]) AS v (place, version)",
                              self.tenant, table.short_name, list(places), list(xmins))

    def known(self, table):
        return set(self.database.rows("SELECT place, version FROM appt_move.known WHERE application_id = %s AND table_name = %s",
                                      self.tenant, table.short_name))

    def note_comparison(self):
        self.database.run("UPDATE appt_move.arriving SET is_compared = true WHERE application_id = %s", self.tenant)

    def forget(self):
        self.database.run(FORGET, *[self.tenant] * 4)
