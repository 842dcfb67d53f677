"""A connection to a shard or to the directory."""

import contextlib
import tempfile

import psycopg2

# Up to here what is copied stays in memory.
MEMORY = 64 * 1024 * 1024

# Values are written by one database and read by another, whose defaults may differ.
FORMATS = "SET datestyle = ISO; SET intervalstyle = postgres; SET extra_float_digits = 1"

# The user is a superuser: a function that somebody else has created in another schema must not be taken for one of PostgreSQL.
NAMES = "SET search_path = pg_catalog, pg_temp"


class Database:
    def __init__(self, name, dsn):
        self.name = name
        self.connection = psycopg2.connect(dsn, application_name="move-tenant")
        self.connection.autocommit = True
        self.connection.set_client_encoding("UTF8")
        self.cursor = self.connection.cursor()
        # The tenant whose rows transactions bring: they mark what they write (IS_BROUGHT in tables.py).
        self.bringing = None
        self.run(NAMES)
        self.run(FORMATS)

    def run(self, statement, *values):
        self.cursor.execute(statement, values or None)
        return self.cursor.rowcount

    def rows(self, statement, *values):
        self.run(statement, *values)
        return self.cursor.fetchall()

    def row(self, statement, *values):
        return self.rows(statement, *values)[0]

    def value(self, statement, *values):
        return self.row(statement, *values)[0]

    def transaction(self):
        return Transaction(self)

    def mark(self):
        if self.bringing is not None:
            self.run("INSERT INTO appt_move.brought (application_id) VALUES (%s)", self.bringing)

    @contextlib.contextmanager
    def attempt(self):
        """Part of a transaction. It is undone, and the error goes on, where a unique index already has a value."""
        self.run("SAVEPOINT attempt")
        self.mark()
        try:
            yield
        except psycopg2.errors.UniqueViolation:
            self.run("ROLLBACK TO attempt")
            self.run("RELEASE attempt")
            raise
        self.run("RELEASE attempt")

    def write(self, query, values, file):
        """What a query returns, as COPY writes it."""
        self.cursor.copy_expert("COPY (%s) TO STDOUT" % self.cursor.mogrify(query, values).decode(), file)

    def read(self, table, columns, file):
        self.cursor.copy_expert("COPY %s (%s) FROM STDIN" % (table, columns), file)


class Transaction:
    """
    One transaction, committed at the end of the block, in which neither triggers nor foreign keys act: what moves was checked, told
    of and recorded where it came from.
    """

    def __init__(self, database):
        self.database = database

    def __enter__(self):
        self.database.run("BEGIN")
        self.database.run("SET LOCAL session_replication_role = replica")
        self.database.mark()
        return self

    def __exit__(self, kind, _value, _trace):
        self.database.run("COMMIT" if kind is None else "ROLLBACK")


def carry(source, query, values, target, table, columns):
    """The rows of a query of one database into a table of another."""
    with tempfile.SpooledTemporaryFile(MEMORY) as file:
        source.write(query, values, file)
        file.seek(0)
        target.read(table, columns, file)
