"""How far a tenant has come that arrives at the target: kept there, in the schema appt_move, until the move is over."""

SCHEMA = """
CREATE SCHEMA IF NOT EXISTS appt_move;
CREATE TABLE IF NOT EXISTS appt_move.arriving (
	application_id uuid PRIMARY KEY,
	-- Transactions of the source: what the copy and the switch may have missed is of these or later; the one that deleted the tenant.
	copied_since xid8 NOT NULL,
	switched_since xid8,
	left_at xid8,
	-- What was deleted late at the source is deleted here, too.
	is_compared boolean NOT NULL DEFAULT false
);
-- A row by each transaction that has brought rows: xmin tells which.
CREATE TABLE IF NOT EXISTS appt_move.brought (application_id uuid NOT NULL);
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

    def note_switch(self, switched_since, left_at):
        self.database.run("UPDATE appt_move.arriving SET switched_since = %s::xid8, left_at = %s::xid8 WHERE application_id = %s",
                          switched_since, left_at, self.tenant)

    def note_comparison(self):
        self.database.run("UPDATE appt_move.arriving SET is_compared = true WHERE application_id = %s", self.tenant)

    def forget(self):
        self.database.run(FORGET, self.tenant, self.tenant, self.tenant)
