"""Lateness of 1,000 reminders with scattered due times on an otherwise idle machine (numbers 4, and the first bar).

Appointments are scheduled by schedule_appointment with one rule, REMINDER by webhook a minute before; their starts are
scattered so that the reminders fall due within some seconds. Lateness: the request's first byte at the receiver minus
due_at, so composing, connecting and the socket are in it.
"""

from bench import argument, median, percentile

ROUNDS = argument("ROUNDS", 3, 1)


def measure(bench):
    count, ahead, within = argument("MESSAGES", 1000, 200), argument("AHEAD", 6, 2), argument("WITHIN", 20, 4)
    p50s, p99s, lowest = [], [], []
    bench.heading("Lateness of %d due times scattered over %d s, median of %d rounds" % (count, within, ROUNDS))
    for number in range(1, ROUNDS + 1):
        bench.new_database()
        receiver = bench.receiver()
        application, _ = bench.application(receiver.url(), "REMINDER", "1 minute")
        bench.schedule(application, count, "now() + interval '%d s' + random() * interval '%d s'" % (60 + ahead, within))
        bench.wait_until_sent(120)
        late = bench.lateness_ms(receiver)
        p50s.append(percentile(late, 50))
        p99s.append(percentile(late, 99))
        lowest.append(min(late))
        bench.note("round %d: p50 %.2f ms, p99 %.2f ms, from %.2f to %.2f ms" % (
            number, p50s[-1], p99s[-1], min(late), max(late)))
    bench.result("p50", "%.2f ms" % median(p50s), "5 ms", median(p50s) <= 5)
    bench.result("p99", "%.2f ms" % median(p99s), "25 ms", median(p99s) <= 25)
    bench.result("p99, the bar of the first release", "%.2f ms" % median(p99s), "50 ms", median(p99s) <= 50)
    bench.result("the earliest", "%.2f ms" % min(lowest), "0 ms", min(lowest) >= 0)
