"""The log's retention beside saturation: four times as many rows as are sent are past it, and it deletes as fast as the log grows.

The baseline is the same deliveries with nothing to delete, in turns. Rows deleted are counted when the last message has been
settled, at which time many are left. What they cost is told by the worker's processor time, whatever else the machine does.
"""

from bench import argument, median, typical
from throughput import prepare

ROUNDS = argument("ROUNDS", 3, 1)
OLD_PER_MESSAGE = 4
OLD = "created_at < now() - interval '100 days'"


def insert_old(bench, application, count):
    """Delivered webhooks with their attempts, settled 101 days ago; the retention is 90 days."""
    bench.cluster.psql(
        "WITH old AS (INSERT INTO appt.notification (application_id, appointment_id, recipient_kind, recipient_id, subscription_id, type,"
        "  channel, due_at, lane, state, attempt_count, created_at, settled_at)"
        " SELECT '%s', gen_random_uuid(), 'SUBSCRIBER', i, gen_random_uuid(), 'UPDATE', 'WEBHOOK', t, 7, 'SENT', 1, t, t"
        " FROM generate_series(1, %d) i, (SELECT now() - interval '101 days' AS t) at RETURNING id, application_id, settled_at)"
        " INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, status_code,"
        "  response, recipient, text_body)"
        " SELECT application_id, id, 1, settled_at, settled_at, 'DELIVERED', 200, 'ok', 'https://hooks.example/', repeat('words ', 150) FROM old"
        % (application, count))


def deliver(bench, application, subscription, count, old):
    """Deliveries and deletions per second, and the Cost of a delivery with what goes with it."""
    bench.enable(False)
    if old > 0:
        insert_old(bench, application, old)
    bench.insert_updates(application, subscription, count, "now()")
    bench.cluster.psql("VACUUM ANALYZE appt.notification; VACUUM ANALYZE appt.due; VACUUM ANALYZE appt.attempt; CHECKPOINT")
    before = bench.processor_times()
    bench.enable(True)
    bench.wait_until_sent(60 + count / 100)
    cost = bench.cost_since(before, count)
    left = int(bench.cluster.value("SELECT count(*) FROM appt.notification WHERE " + OLD))
    bench.enable(False)
    seconds = float(bench.cluster.value(
        "SELECT extract(epoch FROM max(n.settled_at) - min(a.started_at)) FROM appt.notification n"
        " JOIN appt.attempt a ON a.notification_id = n.id WHERE NOT n." + OLD))
    bench.cluster.psql("TRUNCATE appt.attempt, appt.notification")
    return count / seconds, (old - left) / seconds, cost


def measure(bench):
    count = argument("MESSAGES", 50000, 5000)
    old = OLD_PER_MESSAGE * count
    bench.heading("Retention: %d webhooks due at once while %d rows are to be deleted, median of %d rounds" % (count, old, ROUNDS))
    nginx, application, subscription = prepare(bench)
    sent, deleted, costs, costs_alone = [], [], [], []
    for number in range(1, ROUNDS + 1):
        rate_alone, _, cost_alone = deliver(bench, application, subscription, count, 0)
        rate, drops, cost = deliver(bench, application, subscription, count, old)
        for values, value in ((sent, rate), (deleted, drops), (costs, cost), (costs_alone, cost_alone)):
            values.append(value)
        bench.note("round %d: %.0f sent and %.0f deleted a second, %s; %.0f sent with nothing to delete, %s"
                   % (number, rate, drops, cost, rate_alone, cost_alone))
    nginx.stop()
    bench.result("deleted beside deliveries", "%.0f a second" % median(deleted), "1.0 x", median(deleted) >= median(sent),
                 "%.0f sent a second, so %.2f x" % (median(sent), median(deleted) / median(sent)))
    cost, alone = typical(costs).worker, typical(costs_alone).worker
    bench.result("processor time of a message", "%.2f x" % (cost / alone), "1.4 x", cost <= 1.4 * alone,
                 "%.0f us with nothing to delete" % alone)
