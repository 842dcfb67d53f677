"""Two workers on one database against one, where the processor is not the limit (numbers 16).

32 transfers at once each, to an endpoint that takes 20 ms for an answer: one worker could send 1,600 a second at best.
"""

from bench import argument, median
from throughput import APPOINTMENTS, deliver

ROUNDS = 3
DELAY_MS = 20
MAX_CONCURRENCY = 32


def measure(bench):
    count = argument("MESSAGES", 20000)
    bench.heading("%d webhooks to an endpoint that takes %d ms, %d at once a worker, median of %d rounds" % (
        count, DELAY_MS, MAX_CONCURRENCY, ROUNDS))
    bench.new_database()
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url("/delay/%d" % DELAY_MS), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    rates = {1: [], 2: []}
    for number in range(1, ROUNDS + 1):
        for workers, of_them in rates.items():
            bench.restart(appt_workers=workers, appt_max_concurrency=MAX_CONCURRENCY)
            of_them.append(deliver(bench, application, subscription, count)[0])
        bench.note("round %d: %.0f a second by one, %.0f by two" % (number, rates[1][-1], rates[2][-1]))
    bench.restart(appt_workers=None, appt_max_concurrency=None)
    ratio = median(rates[2]) / median(rates[1])
    bench.result("two workers", "%.2f x" % ratio, "1.8 x", ratio >= 1.8, "one: %.0f a second" % median(rates[1]))
    bench.drop_database()
