"""Webhook deliveries per second, 50,000 due at once, to nginx, every attempt logged durably (numbers 1).

The baseline is baseline.c: the same bodies to the same nginx by a plain program on curl_multi, the best of 16, 64 and 256 in
flight. appt's rate counts from the first attempt's start to the last settling. Beside it stands the processor time
of the worker, and of the server's other processes, a message. What a delivery needs of the disk is measured with a shorter
body, as most messages have.
"""

import os
import subprocess
from collections import namedtuple

from bench import argument, expect, free_port, median, typical, wait_for_port

ROUNDS = argument("ROUNDS", 3, 1)
APPOINTMENTS = 1000

NGINX = """
worker_processes 1;
daemon off;
pid %(folder)s/nginx.pid;
error_log %(folder)s/nginx.log;
events { worker_connections 4096; }
http {
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path %(folder)s/nginx-body;
    proxy_temp_path %(folder)s/nginx-proxy;
    fastcgi_temp_path %(folder)s/nginx-fastcgi;
    uwsgi_temp_path %(folder)s/nginx-uwsgi;
    scgi_temp_path %(folder)s/nginx-scgi;
    server { listen 127.0.0.1:%(port)d backlog=4096; location / { return 200 ok; } }
}
"""


class Nginx:
    def __init__(self, folder):
        self.port = free_port()
        path = os.path.join(folder, "nginx.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(NGINX % {"folder": folder, "port": self.port})
        self.process = subprocess.Popen(["nginx", "-c", path, "-e", os.path.join(folder, "nginx.log")])
        wait_for_port("nginx", self.port)

    def url(self):
        return "http://127.0.0.1:%d/" % self.port

    def stop(self):
        self.process.terminate()
        self.process.wait()


def baseline(bench, url, body, count):
    """Requests per second of the plain program, the best of three degrees of concurrency."""
    path = os.path.join(bench.folder, "body")
    with open(path, "w", encoding="utf-8") as file:
        file.write(body)
    rates = []
    for in_flight in (16, 64, 256):
        done = subprocess.run([bench.program("baseline"), url, str(count), str(in_flight), path],
                              capture_output=True, text=True, check=False)
        expect("the baseline ran: %s" % done.stderr, done.returncode == 0)
        rates.append(float(done.stdout))
    return max(rates)


# Notes of the appointments whose messages have about 780 bytes.
SHORT_NOTES = "NULL"

# Of a round: deliveries per second, a body, the cost of a message, and bytes of WAL, attempt and notification that it takes.
Delivered = namedtuple("Delivered", "rate body cost wal attempt notification")


def bytes_of(bench, table):
    return int(bench.cluster.value("SELECT pg_total_relation_size('appt.%s')" % table))


def deliver(bench, application, subscription, count):
    """A round of so many that are due at once."""
    bench.fill(application, subscription, count)
    lsn = bench.cluster.value("SELECT pg_current_wal_lsn()")
    before = bench.processor_times()
    bench.enable(True)
    bench.wait_until_sent(60 + count / 500)
    cost = bench.cost_since(before, count)
    wal = int(bench.cluster.value("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '%s')::bigint" % lsn))
    seconds = float(bench.cluster.value(
        "SELECT extract(epoch FROM max(n.settled_at) - min(a.started_at)) FROM appt.notification n"
        " JOIN appt.attempt a ON a.notification_id = n.id"))
    body = bench.cluster.value("SELECT text_body FROM appt.attempt ORDER BY id LIMIT 1")
    sizes = [bytes_of(bench, table) / count for table in ("attempt", "notification")]
    bench.cluster.psql("DELETE FROM appt.attempt; DELETE FROM appt.notification")
    bench.cluster.psql("VACUUM appt.attempt; VACUUM appt.notification; VACUUM appt.due")
    return Delivered(count / seconds, body, cost, wal / count, *sizes)


def prepare(bench):
    """nginx, and an application with appointments to send about."""
    bench.new_database()
    nginx = Nginx(bench.folder)
    application, subscription = bench.application(nginx.url(), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    return nginx, application, subscription


def measure_rate(bench, nginx, application, subscription, count):
    bench.heading("Throughput: %d webhooks due at once, median of %d rounds" % (count, ROUNDS))
    ours, plain, costs = [], [], []
    for number in range(1, ROUNDS + 1):
        done = deliver(bench, application, subscription, count)
        ours.append(done.rate)
        costs.append(done.cost)
        plain.append(baseline(bench, nginx.url(), done.body, count))
        bench.note("round %d: %.0f a second, %s; plain program %.0f a second; body %d bytes" % (
            number, done.rate, done.cost, plain[-1], len(done.body)))
    ratio = median(ours) / median(plain)
    bench.result("deliveries", "%.0f a second" % median(ours), "0.30 x", ratio >= 0.3,
                 "%.0f a second, so %.2f x" % (median(plain), ratio))
    cost = typical(costs)
    bench.result("processor time of a message", "%.0f us" % cost.worker, "55 us", cost.worker <= 55,
                 "%.0f us of the server beside it" % cost.server)


def measure_disk(bench, nginx, count):
    bench.heading("Disk of a delivery, %d webhooks" % count)
    application, subscription = bench.application(nginx.url(), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'", SHORT_NOTES)
    bench.clear()
    done = deliver(bench, application, subscription, count)
    size = "body of %d bytes" % len(done.body)
    bench.result("attempt with its indexes", "%.0f bytes" % done.attempt, "1200", done.attempt <= 1200, size)
    bench.result("WAL of a delivery, planning not included", "%.0f bytes" % done.wal, "1500", done.wal <= 1500, size)
    bench.note("notification with its indexes: %.0f bytes" % done.notification)


def measure(bench):
    count = argument("MESSAGES", 50000, 5000)
    nginx, application, subscription = prepare(bench)
    measure_rate(bench, nginx, application, subscription, count)
    measure_disk(bench, nginx, count)
    nginx.stop()
