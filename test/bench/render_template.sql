-- Number 15: render_template with the built-in email reminder (its HTML, the longest part), a customer's values and dates.
-- Prints microseconds per call, the median of 5 rounds; bar: 20. Needs appt and appt_test.
DO $$
DECLARE
	template text := appt_test.builtin_template('REMINDER', 'EMAIL', 'html_body');
	data jsonb := '{"firstName":"Bobby","lastName":"Brown","fullName":"Bobby Brown","title":"Loan & review","organizer":"Ann O''Hara","location":"Online",
		"joinUrl":"https://video.example/j?a=1&b=2","icalUrl":"https://api.example/ical?id=1","googleCalendarUrl":"https://calendar.example/render?a=1&b=2",
		"time24":"15:30","time12":"3:30 PM","date":"29 March 2026","zone":"CEST","duration":"45 minutes","applicationName":"Acme Bank","start_at":"2026-03-29T13:30:00Z"}';
	rounds int := 5;
	calls int := 20000;
	started timestamptz;
	took double precision[] := '{}';
BEGIN
	FOR round IN 1..rounds LOOP
		started := clock_timestamp();
		PERFORM count(appt.render_template(template, data, true, 'Europe/Berlin', 'en-GB')) FROM generate_series(1, calls);
		took := took || extract(epoch FROM clock_timestamp() - started) * 1e6 / calls;
	END LOOP;
	RAISE NOTICE 'render_template, built-in email reminder: % us a call (bar 20), % bytes',
		round((SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(took) t)::numeric, 2),
		length(appt.render_template(template, data, true, 'Europe/Berlin', 'en-GB'));
END $$;
