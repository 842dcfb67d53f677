"""A connection to a shard or to the directory."""

import tempfile

import psycopg2

# Up to here what is copied stays in memory.
MEMORY = 64 * 1024 * 1024


class Database:
    def __init__(self, name, dsn):
        self.name = name
        self.connection = psycopg2.connect(dsn, application_name="move-tenant")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()

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
        return self

    def __exit__(self, kind, _value, _trace):
        self.database.run("COMMIT" if kind is None else "ROLLBACK")


def carry(source, query, values, target, table, columns):
    """The rows of a query of one database into a table of another."""
    with tempfile.SpooledTemporaryFile(MEMORY) as file:
        source.write(query, values, file)
        file.seek(0)
        target.read(table, columns, file)
