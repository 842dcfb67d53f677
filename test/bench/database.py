"""The database's side of delivery alone: claiming, composing and settling (numbers 11 and 12).

The worker runs with no_transfer.c in place of libcurl: every request is answered at once. Its rate over 1,000,000 due messages is
compared with the same statements by pgbench, in batches of as many: UPDATE ... SKIP LOCKED and INSERT in a transaction, DELETE,
UPDATE and UPDATE in another; it composes nothing. Their plans are kept from the first batch on, when the log is empty: without
the settings below they would scan what is a million rows at the end. Then what a message costs the worker in processor time with 10,000,000
future messages in the queue, against 10,000.

    make bench ONLY=database MESSAGES=100000 FUTURE=1000000     shorter
"""

import os
import shutil
import subprocess

from bench import Cost, argument, expect, median, processor_seconds, typical

ROUNDS = argument("ROUNDS", 3, 1)
BATCH = 500
APPOINTMENTS = 1000
FEW = 10000
LANES = 10

# Each statement of the baseline finds the rows of its batch by key.
PLANS = ("enable_seqscan=off", "enable_hashjoin=off", "enable_mergejoin=off")
BASELINE = """
BEGIN;
WITH next AS MATERIALIZED (SELECT notification_id AS id, due_at FROM appt.due ORDER BY lane, due_at, notification_id LIMIT %(batch)d
  FOR UPDATE SKIP LOCKED),
 sending AS (UPDATE appt.notification n SET state = 'SENDING', attempt_count = 1, next_attempt_at = NULL, worker_slot = 1
  FROM next WHERE n.id = next.id RETURNING n.id, n.application_id, next.due_at, n.address)
INSERT INTO appt.attempt (application_id, notification_id, attempt_number, due_at, started_at, recipient, text_body)
 SELECT application_id, id, 1, due_at, now(), address, repeat('x', %(body)d) FROM sending;
COMMIT;
BEGIN;
WITH next AS (DELETE FROM appt.due WHERE ctid = ANY (ARRAY(SELECT ctid FROM appt.due ORDER BY lane, due_at, notification_id LIMIT %(batch)d))
  RETURNING notification_id AS id),
 closed AS (UPDATE appt.attempt a SET finished_at = now(), outcome = 'DELIVERED', status_code = 200, response = 'ok'
  FROM next WHERE a.notification_id = next.id AND a.attempt_number = 1)
UPDATE appt.notification n SET state = 'SENT', settled_at = now(), worker_slot = NULL FROM next WHERE n.id = next.id;
COMMIT;
"""


def use_library(bench, path):
    """Another appt.so in this run's private server."""
    libraries = subprocess.run(["pg_config", "--pkglibdir"], capture_output=True, text=True, check=True).stdout.strip()
    shutil.copy(path, os.path.join(libraries, "appt.so.new"))
    os.rename(os.path.join(libraries, "appt.so.new"), os.path.join(libraries, "appt.so"))
    bench.restart()


def settled(bench, application, count):
    """Awaits that so many have been sent."""
    bench.wait_until_true(
        "the queue to drain",
        "SELECT NOT EXISTS (SELECT FROM appt.due WHERE application_id = '%s' AND first_due_at <= now())" % application,
        60 + count / 1000)


def drain(bench, application, count):
    """Messages per second of the worker; of its first and last tenth, which meet different numbers of dead entries; and the Cost of one."""
    before = bench.processor_times()
    bench.enable(True)
    settled(bench, application, count)
    cost = bench.cost_since(before, count)
    whole, first, last = bench.cluster.value(
        "WITH a AS MATERIALIZED (SELECT started_at, finished_at, ntile(10) OVER (ORDER BY started_at, id) AS tenth FROM appt.attempt)"
        " SELECT extract(epoch FROM max(finished_at) - min(started_at)),"
        "  extract(epoch FROM max(started_at) FILTER (WHERE tenth = 1) - min(started_at)),"
        "  extract(epoch FROM max(started_at) - min(started_at) FILTER (WHERE tenth = 10)) FROM a").split("|")
    return count / float(whole), count / 10 / float(first), count / 10 / float(last), cost


def by_pgbench(bench, count, body):
    """Messages per second, and the Cost of one."""
    done = bench.pgbench(BASELINE % {"batch": BATCH, "body": body}, "-c", "1", "-t", str(count // BATCH), settings=PLANS)
    expect("it sent them all", bench.cluster.value("SELECT count(*) FROM appt.notification WHERE state <> 'SENT'") == "0")
    return done.rate * BATCH, Cost(*(each / BATCH for each in done.cost))


def measure_rate(bench, application, subscription):
    count = argument("MESSAGES", 1000000, 20000)
    bench.heading("Claiming and settling %d due messages in batches of %d, median of %d rounds" % (count, BATCH, ROUNDS))
    ours, plain, drained, costs, plain_costs = [], [], [], [], []
    body = 0
    for number in range(1, ROUNDS + 1):
        bench.fill(application, subscription, count)
        rate, first, last, cost = drain(bench, application, count)
        ours.append(rate)
        costs.append(cost)
        drained.append(last / first)
        body = body or int(bench.cluster.value("SELECT length(text_body) FROM appt.attempt LIMIT 1"))
        bench.clear()
        bench.fill(application, subscription, count)
        rate_of_plain, cost_of_plain = by_pgbench(bench, count, body)
        plain.append(rate_of_plain)
        plain_costs.append(cost_of_plain)
        bench.clear()
        bench.note("round %d: %.0f a second, %.0f in the first tenth and %.0f in the last; pgbench %.0f a second; body %d bytes" % (
            number, rate, first, last, plain[-1], body))
    ratio = median(ours) / median(plain)
    bench.result("claimed and settled", "%.0f a second" % median(ours), "1.0 x", ratio >= 1,
                 "%.0f a second, so %.2f x" % (median(plain), ratio))
    bench.note("a message: %s; by pgbench %.0f us of the server" % (typical(costs), typical(plain_costs).server))
    bench.note("the last tenth of the queue went at %.2f x the rate of the first" % median(drained))


def cpu_of_message(bench, application, subscription, count):
    """Microseconds of the worker's processor time."""
    bench.fill(application, subscription, count)
    pid = bench.worker_pid()
    before = processor_seconds(pid)
    bench.enable(True)
    settled(bench, application, count)
    used = processor_seconds(pid) - before
    bench.cluster.psql("DELETE FROM appt.attempt; DELETE FROM appt.notification WHERE state = 'SENT'")
    return 1e6 * used / count


def measure_backlog(bench, application, subscription):
    future = argument("FUTURE", 10000000, 100000)
    count = min(100000, argument("MESSAGES", 100000, 20000))
    bench.heading("A message's cost with %d future ones in %d lanes, median of %d rounds" % (future, LANES, ROUNDS))
    others = [bench.application("http://127.0.0.1:1/", "UPDATE") for _ in range(LANES - 1)]
    for other, _ in others:
        bench.schedule(other, 100, "now() + interval '1 day' + i * interval '1 hour'")
    costs = []
    for size in (FEW, future):
        for lane in [(application, subscription), *others]:
            bench.enable(False)
            bench.insert_updates(*lane, size // LANES, "now() + interval '1 day' + random() * interval '30 days'")
        costs.append(median([cpu_of_message(bench, application, subscription, count) for _ in range(ROUNDS)]))
        bench.note("%d future ones: %.1f us a message" % (size, costs[-1]))
        if size == FEW:
            bench.clear()
    ratio = costs[1] / costs[0]
    bench.result("processor time of a message", "%.2f x" % ratio, "1.2 x", ratio <= 1.2, "%.1f us with %d" % (costs[0], FEW))


def measure(bench):
    bench.new_database()
    here = os.path.dirname(os.path.abspath(__file__))
    use_library(bench, os.path.join(here, "../../build/bench/appt.so"))
    bench.restart(appt_max_concurrency=BATCH, appt_max_per_host=BATCH)
    application, subscription = bench.application("http://127.0.0.1:1/", "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    measure_rate(bench, application, subscription)
    measure_backlog(bench, application, subscription)
    bench.restart(appt_max_concurrency=None, appt_max_per_host=None)
    use_library(bench, os.path.join(here, "../../build/plain/appt.so"))
    bench.drop_database()
