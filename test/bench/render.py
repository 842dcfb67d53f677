"""render_template with the built-in email reminder (numbers 15): its HTML, the longest part, a customer's values and dates."""

from bench import argument, median

ROUNDS = argument("ROUNDS", 5, 1)

SETUP = """
CREATE EXTENSION IF NOT EXISTS appt_test;
CREATE TABLE rendered AS
	SELECT appt_test.builtin_template('REMINDER', 'EMAIL', 'html_body') AS template,
		jsonb '{"firstName": "Bobby", "lastName": "Brown", "fullName": "Bobby Brown", "title": "Loan & review", "organizer": "Ann O''Hara",
			"location": "Online", "joinUrl": "https://video.example/j?a=1&b=2", "icalUrl": "https://api.example/ical?id=1",
			"googleCalendarUrl": "https://calendar.example/render?a=1&b=2", "outlookCalendarUrl": "https://outlook.example/?a=1&b=2",
			"time": "15:30", "fullDate": "Sunday, 29 March 2026", "zoneName": "Central European Summer Time", "duration": "45 minutes",
			"applicationName": "Acme Bank", "branding": {"color": "#1a56db", "text_color": "#ffffff",
			"logo_url": "https://acme.example/logo.png", "footer": "Registered in Athens", "address": "1 Main Street"},
			"start_at": "2026-03-29T13:30:00Z"}' AS data;
"""
RENDER = "appt.render_template(template, data, true, 'Europe/Berlin', 'en-GB')"


def microseconds(bench, calls):
    """The time of a call."""
    plan = bench.cluster.value(
        "EXPLAIN (ANALYZE, TIMING OFF, SUMMARY) SELECT count(%s) FROM rendered, generate_series(1, %d)" % (RENDER, calls))
    return float(plan.rpartition("Execution Time: ")[2].split()[0]) * 1000 / calls


def measure(bench):
    calls = argument("CALLS", 20000)
    bench.heading("render_template, %d calls, median of %d rounds" % (calls, ROUNDS))
    bench.new_database()
    bench.cluster.psql(SETUP)
    each = median([microseconds(bench, calls) for _ in range(ROUNDS)])
    size = bench.cluster.value("SELECT length(%s) FROM rendered" % RENDER)
    bench.result("render_template, the built-in email reminder", "%.1f us" % each, "20 us", each <= 20, "none; %s bytes" % size)
    bench.drop_database()
