/* hourly.sql: how many messages of each hour were sent and failed, and how late: for the charts of the console. */

/*
 * The worker writes these tables; without foreign keys, as those of report.sql. An
 * application has a row in hour_count for each hour that is still to be counted, or
 * counted again: the current one, those that are over since less than an hour, and
 * those where something may still change.
 */
CREATE TABLE appt.hour_count (
	application_id uuid NOT NULL,
	hour timestamptz NOT NULL,
	count_at timestamptz NOT NULL,
	begun_at timestamptz,
	after_at timestamptz,
	after_id bigint,
	open bigint NOT NULL DEFAULT 0,
	figures jsonb NOT NULL DEFAULT '[]',
	PRIMARY KEY (application_id, hour)
) WITH (fillfactor = 50);
CREATE INDEX hour_count_at ON appt.hour_count (count_at);
COMMENT ON TABLE appt.hour_count IS 'Hours of applications that the worker is to count into hourly_figure, and how far it has.';
COMMENT ON COLUMN appt.hour_count.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.hour_count.hour IS 'Start of the hour.';
COMMENT ON COLUMN appt.hour_count.count_at IS 'When the worker counts it, or goes on counting.';
COMMENT ON COLUMN appt.hour_count.begun_at IS 'When it began to count; NULL means not yet, or anew.';
COMMENT ON COLUMN appt.hour_count.after_at IS 'due_at of the last notification that is counted; NULL means none yet.';
COMMENT ON COLUMN appt.hour_count.after_id IS 'Id of that notification.';
COMMENT ON COLUMN appt.hour_count.open IS 'How many of those counted may still change: they are not settled, or FAILED.';
COMMENT ON COLUMN appt.hour_count.figures IS 'What is counted so far; it replaces the figures of the hour at once.';

CREATE TABLE appt.hourly_figure (
	application_id uuid NOT NULL,
	hour timestamptz NOT NULL,
	type appt.type_code NOT NULL,
	channel appt.channel_code NOT NULL,
	sent bigint NOT NULL,
	failed bigint NOT NULL,
	attempted bigint NOT NULL,
	lateness_sum interval NOT NULL,
	lateness_max interval,
	PRIMARY KEY (application_id, hour, type, channel)
);
CREATE INDEX hourly_figure_hour ON appt.hourly_figure (hour);
COMMENT ON TABLE appt.hourly_figure IS
'Messages of each hour by type and channel: how many were sent and failed, and how late. A message belongs to the hour in which it was due. The worker counts the current hour again and again, an hour that is over once more after an hour and, if something may have changed, after a day; retries by hand after that do not change it.';
COMMENT ON COLUMN appt.hourly_figure.application_id IS 'The application that the row belongs to.';
COMMENT ON COLUMN appt.hourly_figure.hour IS 'Start of the hour.';
COMMENT ON COLUMN appt.hourly_figure.type IS 'Type of the messages.';
COMMENT ON COLUMN appt.hourly_figure.channel IS 'Channel of the messages.';
COMMENT ON COLUMN appt.hourly_figure.sent IS 'How many were SENT when they were counted.';
COMMENT ON COLUMN appt.hourly_figure.failed IS 'How many were FAILED.';
COMMENT ON COLUMN appt.hourly_figure.attempted IS 'How many of these were attempted, at least once.';
COMMENT ON COLUMN appt.hourly_figure.lateness_sum IS
'Sum of their lateness: the time from when each was due to the start of its first attempt.';
COMMENT ON COLUMN appt.hourly_figure.lateness_max IS 'The longest of these times; NULL if none was attempted.';
