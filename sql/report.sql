/* report.sql: daily reports: when each is due, and the figures of each day. */

/*
 * The worker writes these tables. There are no foreign keys to application: a
 * check would wait for whoever has its row locked. What belongs to a deleted
 * application goes with the next pass, and with the retention.
 */
CREATE TABLE appt.report_schedule (
	application_id uuid NOT NULL,
	type appt.type_code NOT NULL,
	next_at timestamptz,
	next_date date,
	last_date date NOT NULL,
	timezone text NOT NULL,
	report_time time NOT NULL,
	PRIMARY KEY (application_id, type),
	CONSTRAINT report_schedule_next_check CHECK ((next_at IS NULL) = (next_date IS NULL) AND next_date > last_date)
);
CREATE INDEX report_schedule_next ON appt.report_schedule (next_at) WHERE next_at IS NOT NULL;
COMMENT ON TABLE appt.report_schedule IS
'When the next daily report of an application is due, for each type of report that somebody wants, or wanted. The worker plans the report and advances the row in one transaction.';
COMMENT ON COLUMN appt.report_schedule.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.report_schedule.type IS 'Type of the report.';
COMMENT ON COLUMN appt.report_schedule.next_at IS 'When the next report is due; NULL means that nobody wants it.';
COMMENT ON COLUMN appt.report_schedule.next_date IS 'Day that the next report is about; NULL means that nobody wants it.';
COMMENT ON COLUMN appt.report_schedule.last_date IS
'Last day that is done: it was reported, or was over before somebody wanted the report. No report is about this day or one before it.';
COMMENT ON COLUMN appt.report_schedule.timezone IS 'The application''s timezone from which next_at was computed.';
COMMENT ON COLUMN appt.report_schedule.report_time IS 'The application''s report_time from which next_at was computed.';

CREATE TABLE appt.report_day (
	application_id uuid NOT NULL,
	date date NOT NULL,
	timezone text NOT NULL,
	start_at timestamptz NOT NULL,
	end_at timestamptz NOT NULL,
	count_at timestamptz,
	step integer NOT NULL DEFAULT 0,
	after_at timestamptz,
	after_id text COLLATE "C",
	PRIMARY KEY (application_id, date)
);
CREATE INDEX report_day_count ON appt.report_day (count_at) WHERE count_at IS NOT NULL;
CREATE INDEX report_day_date ON appt.report_day (date);
COMMENT ON TABLE appt.report_day IS
'Days of applications that daily reports show, and how far the worker has counted them into daily_figure.';
COMMENT ON COLUMN appt.report_day.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.report_day.date IS 'Date of the day in its timezone.';
COMMENT ON COLUMN appt.report_day.timezone IS 'The application''s timezone when the day was to be counted.';
COMMENT ON COLUMN appt.report_day.start_at IS 'Start of the day.';
COMMENT ON COLUMN appt.report_day.end_at IS 'End of the day: the first instant after it.';
COMMENT ON COLUMN appt.report_day.count_at IS
'When the worker counts it, or goes on counting; NULL means that it is counted, and its figures do not change any more.';
COMMENT ON COLUMN appt.report_day.step IS 'Which part of the log is counted next, from 0.';
COMMENT ON COLUMN appt.report_day.after_at IS 'Time of the last row of that part that is counted; NULL means none yet.';
COMMENT ON COLUMN appt.report_day.after_id IS 'Id of that row.';

CREATE TABLE appt.daily_figure (
	application_id uuid NOT NULL,
	date date NOT NULL,
	subject appt.figure_subject_code NOT NULL,
	item text COLLATE "C" NOT NULL,
	part text COLLATE "C" NOT NULL DEFAULT '',
	total bigint NOT NULL,
	sent bigint NOT NULL DEFAULT 0,
	failed bigint NOT NULL DEFAULT 0,
	unsent bigint NOT NULL DEFAULT 0,
	segments bigint NOT NULL DEFAULT 0,
	undelivered bigint NOT NULL DEFAULT 0,
	cost numeric NOT NULL DEFAULT 0,
	name text,
	last_error text,
	PRIMARY KEY (application_id, date, subject, item, part)
);
CREATE INDEX daily_figure_date ON appt.daily_figure (date);
COMMENT ON TABLE appt.daily_figure IS
'What happened on each day of report_day, counted by the worker once the day is over. A message belongs to the day on which it was due.';
COMMENT ON COLUMN appt.daily_figure.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.daily_figure.date IS 'Date in the timezone of report_day.';
COMMENT ON COLUMN appt.daily_figure.subject IS
'EVENTS: what users were told of, by type. APPOINTMENTS: those that were to start on the day, by state. MESSAGES: by channel and type. SPENDING: by channel and currency. WEBHOOKS: by subscription. INBOUND_SMS: by number and line.';
COMMENT ON COLUMN appt.daily_figure.item IS
'Type, state, channel, subscription or number that is counted. Empty: all that are beyond the first 1,000 of a day.';
COMMENT ON COLUMN appt.daily_figure.part IS 'Type, currency or line within the item; empty if the subject has none.';
COMMENT ON COLUMN appt.daily_figure.total IS 'How many there were.';
COMMENT ON COLUMN appt.daily_figure.sent IS 'Of messages: how many were SENT when the day was counted.';
COMMENT ON COLUMN appt.daily_figure.failed IS 'Of messages: how many were FAILED.';
COMMENT ON COLUMN appt.daily_figure.unsent IS
'Of messages: how many were SUPPRESSED, SKIPPED or MISSED. What is left of the total was CANCELLED, or not settled.';
COMMENT ON COLUMN appt.daily_figure.segments IS 'Segments of text messages, of all attempts.';
COMMENT ON COLUMN appt.daily_figure.undelivered IS 'Text messages that a receipt says did not reach the phone.';
COMMENT ON COLUMN appt.daily_figure.cost IS 'Cost of all attempts, in the currency that part names.';
COMMENT ON COLUMN appt.daily_figure.name IS 'Name of the item for people; NULL means that the item names itself.';
COMMENT ON COLUMN appt.daily_figure.last_error IS 'Of WEBHOOKS: error of the last one that failed; NULL means none.';
