"""Two workers on one database against one, where the processor is not the limit (numbers 16).

32 transfers at once each, to an endpoint that takes 20 ms for an answer: one worker could send 1,600 a second at best.
"""

from bench import argument, median, typical
from throughput import APPOINTMENTS, deliver

ROUNDS = argument("ROUNDS", 3, 1)
DELAY_MS = 20
MAX_CONCURRENCY = 32


def measure(bench):
    count = argument("MESSAGES", 20000, 3000)
    bench.heading("%d webhooks to an endpoint that takes %d ms, %d at once a worker, median of %d rounds" % (
        count, DELAY_MS, MAX_CONCURRENCY, ROUNDS))
    bench.new_database()
    receiver = bench.receiver()
    application, subscription = bench.application(receiver.url("/delay/%d" % DELAY_MS), "UPDATE")
    bench.schedule(application, APPOINTMENTS, "now() + interval '1 day' + i * interval '1 minute'")
    done = {1: [], 2: []}
    for number in range(1, ROUNDS + 1):
        for workers, rounds in done.items():
            bench.restart(appt_workers=workers, appt_max_concurrency=MAX_CONCURRENCY)
            rounds.append(deliver(bench, application, subscription, count))
        bench.note("round %d: %.0f a second by one, %.0f by two" % (number, done[1][-1].rate, done[2][-1].rate))
    bench.restart(appt_workers=None, appt_max_concurrency=None)
    one, two = (median([each.rate for each in rounds]) for rounds in done.values())
    bench.result("two workers", "%.2f x" % (two / one), "1.8 x", two / one >= 1.8, "one: %.0f a second" % one)
    for workers, rounds in done.items():
        bench.note("with appt.workers = %d, a message: %s" % (workers, typical([each.cost for each in rounds])))
    bench.drop_database()
