/* identity.sql: is this database the one that may send? */

CREATE TABLE appt.identity (
	database_oid oid NOT NULL,
	transaction_id xid NOT NULL,
	created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE appt.identity IS
'Names the database that may send: its oid, and the transaction that inserted the row, which a copy of the data cannot share. See adopt_database.';
COMMENT ON COLUMN appt.identity.database_oid IS 'Of that database.';
COMMENT ON COLUMN appt.identity.transaction_id IS 'The transaction that inserted the row.';
COMMENT ON COLUMN appt.identity.created_at IS 'Since when it is the one that may send.';
