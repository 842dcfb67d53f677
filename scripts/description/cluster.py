"""A throw-away cluster whose database has appt: for programs that scripts/staged runs."""

import contextlib
import subprocess
import tempfile

import psycopg2


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def throw_away_cluster():
    """Yields the connection string of its database."""
    with tempfile.TemporaryDirectory() as folder:
        run("initdb", "-N", "-A", "trust", "-U", "postgres", "-D", f"{folder}/data")
        run("pg_ctl", "-w", "-D", f"{folder}/data", "-l", f"{folder}/log", "-o", f"-k {folder} -c listen_addresses=''", "start")
        try:
            dsn = f"host={folder} user=postgres dbname=postgres"
            connection = psycopg2.connect(dsn)
            with connection, connection.cursor() as cursor:
                cursor.execute("CREATE EXTENSION appt")
            connection.close()
            yield dsn
        finally:
            run("pg_ctl", "-D", f"{folder}/data", "-m", "immediate", "stop")
