"""An endpoint that takes 2 s for an answer takes nothing from the others (numbers 5, and the second bar).

2,000 reminders, 1 % of them to that endpoint; p99 lateness of the others with it and, in the same run, without it (it
answers at once). Once with all due in the same instant, once scattered over seconds.
"""

from bench import argument, median, percentile

ROUNDS = argument("ROUNDS", 3, 1)
SLOW_MS = 2000
AHEAD = argument("AHEAD", 8, 3)
SCATTER = argument("WITHIN", 10, 3)


def p99_of_others(bench, count, slow_path, scatter):
    bench.new_database()
    fast_receiver, slow_receiver = bench.receiver(), bench.receiver()
    few = max(1, count // 100)
    fast, _ = bench.application(fast_receiver.url(), "REMINDER", "1 minute")
    slow, _ = bench.application(slow_receiver.url(slow_path), "REMINDER", "1 minute")
    # One instant for both calls; scheduling is over well before.
    base = bench.cluster.value("SELECT now() + interval '%d s'" % (60 + AHEAD))
    start_at = "timestamptz '%s' + random() * interval '%d s'" % (base, scatter)
    bench.schedule(slow, few, start_at)
    bench.schedule(fast, count - few, start_at)
    bench.wait_until_sent(120)
    late = bench.lateness_ms(fast_receiver, "application_id = '%s'" % fast)
    return percentile(late, 99)


def measure(bench):
    count = argument("MESSAGES", 2000, 500)
    for scatter, name in ((0, "due in the same instant"), (SCATTER, "scattered over %d s" % SCATTER)):
        bench.heading("%d messages %s, 1 %% of them to an endpoint that takes %d ms, median of %d rounds" % (
            count, name, SLOW_MS, ROUNDS))
        without, beside = [], []
        for number in range(1, ROUNDS + 1):
            without.append(p99_of_others(bench, count, "/", scatter))
            beside.append(p99_of_others(bench, count, "/delay/%d" % SLOW_MS, scatter))
            bench.note("round %d: p99 of the others %.2f ms without, %.2f ms with it" % (number, without[-1], beside[-1]))
        ratio = median(beside) / median(without)
        baseline = "p99 %.2f ms without it" % median(without)
        bench.result("p99 of the others, %s" % name, "%.2f x" % ratio, "1.5 x", ratio <= 1.5, baseline)
        bench.result("the same, the bar of the first release", "%.2f x" % ratio, "2 x", ratio <= 2, baseline)
