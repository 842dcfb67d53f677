"""Creates appt in the database that the environment names, awaits the email of an appointment, and removes appt again.

Run by pg_virtualenv, which has the server; doc/operations.md, "Removing", says how to remove appt.
"""

import asyncio
import os
import queue
import re
import threading

import psycopg2
from aiosmtpd.smtp import SMTP

WAIT_S = 60
OPERATIONS = os.path.join(os.path.dirname(__file__), "../../doc/operations.md")


class Receiver:
    """A mail server on a port that is free; it keeps what it gets."""

    def __init__(self):
        self.mails = queue.Queue()
        loop = asyncio.new_event_loop()
        server = loop.run_until_complete(loop.create_server(lambda: SMTP(self, loop=loop), "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        threading.Thread(target=loop.run_forever, daemon=True).start()

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.put(envelope)
        return "250 OK"


class Database:
    def __init__(self):
        connection = psycopg2.connect("")
        connection.autocommit = True
        self.cursor = connection.cursor()

    def value(self, statement, *arguments):
        self.cursor.execute(statement, arguments)
        return self.cursor.fetchone()[0]

    def run(self, statements):
        self.cursor.execute(statements)


def book(database, port):
    organization = database.value("SELECT appt.create_organization('Acme')")
    application = database.value("SELECT appt.create_application(%s, 'Acme Bank')", organization)
    database.value("SELECT appt.set_provider(%s, 'EMAIL', 'SMTP', %s, sender => 'hello@acme.example', settings => '{\"starttls\": \"never\"}')",
                   application, "smtp://127.0.0.1:%d" % port)
    database.value("SELECT id FROM appt.schedule_appointment(%s, now() + interval '2 days', '30 minutes',"
                   " '{\"name\": {\"firstName\": \"Bobby\"}, \"contact\": {\"primaryEmail\": \"bobby@customer.example\"}}', organizer_id => 'agent-7')", application)


def removal():
    """The statements of the document."""
    with open(OPERATIONS, encoding="utf-8") as file:
        section = re.search(r"^## Removing\n(.*?)^## ", file.read(), re.M | re.S).group(1)
    return "".join(re.findall(r"^    (.*\n)", section, re.M))


def main():
    receiver = Receiver()
    database = Database()
    database.run("CREATE EXTENSION appt")
    book(database, receiver.port)
    mail = receiver.mails.get(timeout=WAIT_S)
    assert mail.rcpt_tos == ["bobby@customer.example"], mail.rcpt_tos
    print("delivered:", re.search(rb"^Subject: (.*)$", mail.content, re.M).group(1).strip().decode())
    database.run(removal())
    left = database.value("SELECT count(*) FROM pg_roles WHERE rolname ~ '^appt'")
    assert left == 0, "%d roles are left" % left
    # The router needs a database of its own, where appt is not.
    database.run("CREATE EXTENSION appt_router")
    database.run("DROP EXTENSION appt_router")


main()
