"""How workers scale: what one makes of its slots, and what a second one adds (numbers 16).

First with 32 transfers at once a worker, to an endpoint that takes 20 ms for an answer: the slots of one worker allow 1,600 a
second, and the processor is not the limit. Then with the default setting, to a receiver that answers at once: the processor is
the limit, and the workers share it with the receiver.
"""

from bench import argument, median, typical
from throughput import APPOINTMENTS, deliver

ROUNDS = argument("ROUNDS", 3, 1)
DELAY_MS = 20
MAX_CONCURRENCY = 32
SLOTS_ALLOW = MAX_CONCURRENCY * 1000 / DELAY_MS


def rates(bench, path, count, max_concurrency):
    """Deliveries a second by one worker and by two."""
    bench.new_database()
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url(path), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    done = {1: [], 2: []}
    for number in range(1, ROUNDS + 1):
        for workers, rounds in done.items():
            bench.restart(appt_workers=workers, appt_max_concurrency=max_concurrency)
            rounds.append(deliver(bench, application, subscription, count))
        bench.note("round %d: %.0f a second by one, %.0f by two" % (number, done[1][-1].rate, done[2][-1].rate))
    bench.restart(appt_workers=None, appt_max_concurrency=None)
    for workers, rounds in done.items():
        bench.note("with appt.workers = %d, a message: %s" % (workers, typical([each.cost for each in rounds])))
    bench.drop_database()
    return [median([each.rate for each in rounds]) for rounds in done.values()]


def measure(bench):
    count = argument("MESSAGES", 20000, 3000)
    bench.heading("%d webhooks to an endpoint that takes %d ms, %d at once a worker, median of %d rounds" % (
        count, DELAY_MS, MAX_CONCURRENCY, ROUNDS))
    one, two = rates(bench, "/delay/%d" % DELAY_MS, count, MAX_CONCURRENCY)
    bench.result("one worker", "%.2f x" % (one / SLOTS_ALLOW), "0.95 x", one >= 0.95 * SLOTS_ALLOW,
                 "its slots: %.0f a second" % SLOTS_ALLOW)
    bench.result("two workers", "%.2f x" % (two / one), "1.8 x", two / one >= 1.8, "one: %.0f a second" % one)
    bench.heading("%d webhooks to an endpoint that answers at once, median of %d rounds" % (count, ROUNDS))
    one, two = rates(bench, "/", count, None)
    bench.result("two workers that the processor limits", "%.2f x" % (two / one), "1.5 x", two / one >= 1.5, "one: %.0f a second" % one)
