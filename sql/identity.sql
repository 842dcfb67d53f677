/* identity.sql: whether this database may send. */

CREATE TABLE appt.identity (
	database_oid oid NOT NULL,
	transaction_id xid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appt.identity IS
'Identifies the database that may send: its OID, and the transaction that inserted the row, which a copy of the data cannot share. See adopt_database.';
COMMENT ON COLUMN appt.identity.database_oid IS 'OID of that database.';
COMMENT ON COLUMN appt.identity.transaction_id IS 'Transaction that inserted the row.';
COMMENT ON COLUMN appt.identity.created_at IS 'Since when that database may send.';
