"""Clients of the demo of shards: each books again and again, by REST or by SQL, until it is told to stop."""

import http.client
import json
import threading
import time

import psycopg2

# Between two bookings, seconds.
PAUSE = 0.02

# In the far future, so that reminders wait.
SLOT = "2099-01-01T00:00:00Z"


def customer(name, number):
    return {"name": {"firstName": "Customer %d" % number}, "contact": {"primaryEmail": "%s-%d@customer.example" % (name, number)}}


class Client(threading.Thread):
    """What it has booked, which calls failed, and how many seconds its longest call took."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.label = name
        self.booked, self.failures = [], []
        self.longest = 0
        self.is_over = threading.Event()

    def book(self, number):
        """The id of a new appointment."""
        raise NotImplementedError

    def run(self):
        number = 0
        while not self.is_over.wait(PAUSE):
            number += 1
            began = time.monotonic()
            try:
                self.booked.append(self.book(number))
            except Exception as failure:  # whatever it is, the demo shows it
                self.failures.append("%s: %s" % (type(failure).__name__, failure))
            self.longest = max(self.longest, time.monotonic() - began)

    def stop(self):
        self.is_over.set()
        self.join()


class RestClient(Client):
    """An agent with a token, who knows nothing but the front."""

    def __init__(self, name, port, token, application):
        super().__init__(name)
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
        self.application = application

    def book(self, number):
        booking = {"application_id": self.application, "start_at": SLOT, "duration": "PT30M", "customer": customer("rest", number)}
        self.connection.request("POST", "/rpc/schedule_appointment", json.dumps(booking), self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError("%d: %s" % (answer.status, body.decode()))
        return json.loads(body)["id"]


class SqlClient(Client):
    """An SQL application, which knows nothing but the router."""

    def __init__(self, name, dsn, application):
        super().__init__(name)
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.application = application

    def book(self, number):
        with self.connection.cursor() as cursor:
            cursor.execute(
                "SELECT id FROM appt.schedule_appointment(%s, %s, '30 minutes', %s, organizer_id => 'agent-7')",
                (self.application, SLOT, json.dumps(customer("sql", number))))
            return cursor.fetchone()[0]
