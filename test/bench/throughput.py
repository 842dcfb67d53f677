"""Webhook deliveries per second, 50,000 due at once, to nginx, every attempt logged durably (numbers 1).

The baseline is baseline.c: the same bodies to the same nginx by a plain program on curl_multi, the best of 16, 64 and 256 in
flight. appt's rate counts from the first attempt's start to the last settling. Beside it stands the processor time
of the worker, and of the server's other processes, a message; pages of the log and WAL, too.
"""

import os
import subprocess
from collections import namedtuple

from bench import argument, expect, free_port, median, wait_for_port

ROUNDS = 3
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


# Of a round: deliveries per second, a body, and for each message microseconds of the worker and of other processes, and bytes.
Delivered = namedtuple("Delivered", "rate body worker server wal attempt notification")


def bytes_of(bench, table):
    return int(bench.cluster.value("SELECT pg_total_relation_size('appt.%s')" % table))


def deliver(bench, application, subscription, count):
    """A round of so many that are due at once."""
    bench.enable(False)
    bench.insert_updates(application, subscription, count, "now()")
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; VACUUM ANALYZE appt.attempt; CHECKPOINT")
    lsn = bench.cluster.value("SELECT pg_current_wal_lsn()")
    before = bench.processor_times()
    bench.enable(True)
    bench.wait_until_sent(60 + count / 500)
    after = bench.processor_times()
    wal = int(bench.cluster.value("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '%s')::bigint" % lsn))
    seconds = float(bench.cluster.value(
        "SELECT extract(epoch FROM max(n.settled_at) - min(a.started_at)) FROM appt.notification n"
        " JOIN appt.attempt a ON a.notification_id = n.id"))
    body = bench.cluster.value("SELECT text_body FROM appt.attempt ORDER BY id LIMIT 1")
    sizes = [bytes_of(bench, table) / count for table in ("attempt", "notification")]
    bench.cluster.psql("DELETE FROM appt.attempt; DELETE FROM appt.notification")
    bench.cluster.psql("VACUUM appt.attempt; VACUUM appt.notification; VACUUM appt.due")
    costs = [(late - early) / count * 1000000 for early, late in zip(before, after)]
    return Delivered(count / seconds, body, *costs, wal / count, *sizes)


def prepare(bench):
    """nginx, and an application with appointments to send about."""
    bench.new_database()
    nginx = Nginx(bench.folder)
    application, subscription = bench.application(nginx.url(), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    return nginx, application, subscription


def measure(bench):
    count = argument("MESSAGES", 50000)
    bench.heading("Throughput: %d webhooks due at once, median of %d rounds" % (count, ROUNDS))
    nginx, application, subscription = prepare(bench)
    ours, plain = [], []
    for number in range(1, ROUNDS + 1):
        done = deliver(bench, application, subscription, count)
        ours.append(done.rate)
        plain.append(baseline(bench, nginx.url(), done.body, count))
        bench.note("round %d: %.0f a second; plain program %.0f a second; body %d bytes" % (number, ours[-1], plain[-1], len(done.body)))
        bench.note("    a message: %.0f us of the worker, %.0f us of other processes, %.0f bytes of WAL, %.0f of attempt, %.0f of notification"
                   % (done.worker, done.server, done.wal, done.attempt, done.notification))
    nginx.stop()
    ratio = median(ours) / median(plain)
    bench.result("deliveries", "%.0f a second" % median(ours), "0.20 x", ratio >= 0.2,
                 "%.0f a second, so %.2f x" % (median(plain), ratio))
