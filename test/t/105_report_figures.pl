# The figures of days are what plain SQL over the log gives, in several timezones and on days of 23 and 25 hours, although workers
# are killed while they count.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.log_retention = '36500d'");
$node->query('CREATE EXTENSION appt_test');
my %zones = (
	'Europe/Athens' => '2026-10-25',
	'America/St_Johns' => '2026-11-01',
	'Asia/Kathmandu' => '2026-10-25',
	'Australia/Lord_Howe' => '2026-10-04');
my %tenants = map { $_ => Appt::Tenant->create($node, timezone => $_) } sort keys %zones;
my @changes = map { "('" . $tenants{$_}->application . "'::uuid, '$_', date '$zones{$_}')" } sort keys %zones;
$node->query('CREATE TABLE tenant AS SELECT * FROM (VALUES ' . join(', ', @changes) . ') t (application_id, timezone, change)');

# 100,000 messages in the ten days around the change of the clock, a tenth of them due at the same instant; with up to two attempts.
$node->query(
	q{
	SELECT setseed(0.5);
	INSERT INTO appt.subscription (application_id, url) SELECT application_id, 'https://hooks.example/' || i
		FROM tenant, generate_series(1, 3) i;
	CREATE TABLE drawn AS
	SELECT i, t.application_id, CASE WHEN random() < 0.1 THEN t.change + time '09:00'
			ELSE t.change + (random() * 10 - 5) * interval '1 day' END AT TIME ZONE t.timezone AS due_at,
		(ARRAY['EMAIL', 'SMS', 'WEBHOOK', 'IN_APP'])[1 + floor(random() * 4)] AS channel,
		(ARRAY['CREATE', 'REMINDER', 'CANCELLED', 'MESSAGE'])[1 + floor(random() * 4)] AS type,
		(ARRAY['SENT', 'SENT', 'SENT', 'FAILED', 'SUPPRESSED', 'SKIPPED', 'MISSED', 'CANCELLED', 'PENDING'])[1 + floor(random() * 9)]
			AS state,
		floor(random() * 3)::int AS attempts, floor(random() * 3)::int AS hook
	FROM generate_series(1, 25000) i, tenant t;
	WITH hook AS (
		SELECT application_id, id, row_number() OVER (PARTITION BY application_id ORDER BY id) - 1 AS number FROM appt.subscription)
	INSERT INTO appt.notification (application_id, recipient_kind, recipient_id, subscription_id, type, channel, due_at, lane, state,
		reason, settled_at)
	SELECT d.application_id, 'ADDRESS', 'a', CASE channel WHEN 'WEBHOOK' THEN h.id END, type, channel, due_at, 1, state,
		CASE WHEN state NOT IN ('SENT', 'PENDING') THEN 'REJECTED' END, CASE WHEN state <> 'PENDING' THEN due_at END
	FROM drawn d JOIN hook h ON h.application_id = d.application_id AND h.number = d.hook;
	INSERT INTO appt.attempt (application_id, notification_id, attempt_number, started_at, finished_at, outcome, error, segments, cost,
		currency, receipt, receipt_at)
	SELECT application_id, id, a, due_at, due_at, 'FAILED', 'error of ' || id, CASE channel WHEN 'SMS' THEN 1 + id % 3 END,
		CASE WHEN channel IN ('SMS', 'EMAIL') THEN (id % 7) * 0.0015 END,
		CASE WHEN channel IN ('SMS', 'EMAIL') THEN CASE WHEN id % 5 = a THEN 'USD' ELSE 'EUR' END END,
		CASE WHEN channel = 'SMS' AND id % 11 = 0 THEN 'UNDELIVERED' END, CASE WHEN channel = 'SMS' AND id % 11 = 0 THEN due_at END
	FROM appt.notification n, generate_series(1, 2) a WHERE a <= id % 3;
	INSERT INTO appt.user_event (application_id, type, created_at)
	SELECT application_id, (ARRAY['CALL', 'VOICEMAIL', 'FAX'])[1 + floor(random() * 3)],
		(change + (random() * 10 - 5) * interval '1 day') AT TIME ZONE timezone FROM tenant, generate_series(1, 5000);
	INSERT INTO appt.appointment (application_id, organizer_id, start_at, end_at, state, ended_at, timezone, locale, notifications_active)
	SELECT application_id, 'ann', at, at + interval '1 hour', state, CASE state WHEN 'ENDED' THEN at END, timezone, 'en', false
	FROM (SELECT t.*, (change + (random() * 10 - 5) * interval '1 day') AT TIME ZONE timezone AS at,
		(ARRAY['ENDED', 'CANCELLED', 'SCHEDULED'])[1 + floor(random() * 3)] AS state FROM tenant t, generate_series(1, 2500)) drawn;
	INSERT INTO appt.line (application_id, name) SELECT application_id, 'Sales' FROM tenant;
	INSERT INTO appt.inbound_message (application_id, from_number, to_number, line_id, received_at)
	SELECT application_id, '+49301', CASE WHEN i % 3 = 0 THEN '+49302' ELSE '+49303' END,
		CASE WHEN i % 3 = 0 THEN (SELECT id FROM appt.line l WHERE l.application_id = t.application_id) END,
		(change + (random() * 10 - 5) * interval '1 day') AT TIME ZONE timezone FROM tenant t, generate_series(1, 5000) i;
	ANALYZE});
is($node->query('SELECT count(*) FROM appt.notification'), 100000, 'there are 100,000 messages');

# Eight days of each, as reports show them; workers are killed in between.
$node->query(
	q{
	INSERT INTO appt.report_day (application_id, date, timezone, start_at, end_at, count_at)
	SELECT application_id, date, timezone, d.start_at, d.end_at, now() - interval '1 hour'
	FROM tenant, generate_series(change - 4, change + 3, interval '1 day') day, LATERAL (SELECT day::date AS date) c,
		LATERAL appt_test.local_day(timezone, date) d});
$node->query('SELECT pg_reload_conf()');
my $counted = 'SELECT sum(total) FROM appt.daily_figure';
foreach my $part (1 .. 3)
{
	ok($node->wait_for_query("SELECT coalesce(($counted), 0) > 20000 * $part"), "part $part is counted");
	$node->kill_processes($node->worker_pids);
	$node->wait_for_workers;
}
ok($node->wait_for_query('SELECT count(*) = 0 FROM appt.report_day WHERE count_at IS NOT NULL'), 'all days are counted');

# The same figures by plain SQL, by what the clock shows.
$node->query(
	q{
	CREATE TABLE plain AS
	WITH message AS (
		SELECT n.*, (n.due_at AT TIME ZONE t.timezone)::date AS date FROM appt.notification n JOIN tenant t USING (application_id)
	), attempt AS (
		SELECT m.application_id, m.date, m.channel, m.id, a.* FROM message m, LATERAL (
			SELECT attempt_number, segments, cost, currency, receipt FROM appt.attempt WHERE notification_id = m.id) a
	), last AS (
		SELECT DISTINCT ON (id) id, receipt FROM attempt ORDER BY id, attempt_number DESC
	)
	SELECT m.application_id, date, 'MESSAGES' AS subject, m.channel::text AS item, type::text AS part, count(*) AS total,
		count(*) FILTER (WHERE state = 'SENT') AS sent, count(*) FILTER (WHERE state = 'FAILED') AS failed,
		count(*) FILTER (WHERE state IN ('SUPPRESSED', 'SKIPPED', 'MISSED')) AS unsent,
		coalesce(sum((SELECT sum(segments) FROM appt.attempt WHERE notification_id = m.id)), 0) AS segments,
		count(*) FILTER (WHERE last.receipt = 'UNDELIVERED') AS undelivered, 0::numeric AS cost
	FROM message m LEFT JOIN last USING (id) GROUP BY 1, 2, 4, 5
	UNION ALL SELECT application_id, date, 'SPENDING', channel, currency, count(DISTINCT id), 0, 0, 0, coalesce(sum(segments), 0), 0,
		sum(cost)
	FROM attempt WHERE cost IS NOT NULL GROUP BY 1, 2, 4, 5
	UNION ALL SELECT application_id, date, 'WEBHOOKS', subscription_id::text, '', count(*), count(*) FILTER (WHERE state = 'SENT'),
		count(*) FILTER (WHERE state = 'FAILED'), count(*) FILTER (WHERE state IN ('SUPPRESSED', 'SKIPPED', 'MISSED')), 0, 0, 0
	FROM message WHERE channel = 'WEBHOOK' GROUP BY 1, 2, 4
	UNION ALL SELECT e.application_id, (created_at AT TIME ZONE timezone)::date, 'EVENTS', type, '', count(*), 0, 0, 0, 0, 0, 0
	FROM appt.user_event e JOIN tenant USING (application_id) GROUP BY 1, 2, 4
	UNION ALL SELECT i.application_id, (received_at AT TIME ZONE timezone)::date, 'INBOUND_SMS', to_number, coalesce(line_id::text, ''),
		count(*), 0, 0, 0, 0, 0, 0 FROM appt.inbound_message i JOIN tenant USING (application_id) GROUP BY 1, 2, 4, 5
	UNION ALL SELECT a.application_id, (start_at AT TIME ZONE t.timezone)::date, 'APPOINTMENTS', state, '', count(*), 0, 0, 0, 0, 0, 0
	FROM appt.appointment a JOIN tenant t USING (application_id) GROUP BY 1, 2, 4});
foreach my $zone (sort keys %zones)
{
	my $of = "application_id = '" . $tenants{$zone}->application . "'";
	my $days = "date BETWEEN date '$zones{$zone}' - 4 AND date '$zones{$zone}' + 3";
	my $figures = 'application_id, date, subject, item, part, total, sent, failed, unsent, segments, undelivered, cost';

	is($node->query("SELECT count(*) > 100 FROM appt.daily_figure WHERE $of"), 't', "$zone has figures");
	is( $node->query(
			"WITH counted AS (SELECT $figures FROM appt.daily_figure WHERE $of), plain AS (SELECT $figures FROM plain WHERE $of AND $days)
			SELECT count(*) FROM ((TABLE plain EXCEPT ALL TABLE counted) UNION ALL (TABLE counted EXCEPT ALL TABLE plain)) differing"),
		0,
		"and they are those of plain SQL");
}
is( $node->query(
		q{SELECT count(*) FROM appt.daily_figure f WHERE subject = 'WEBHOOKS' AND failed > 0
		AND last_error IS DISTINCT FROM (SELECT coalesce((SELECT error FROM appt.attempt a WHERE a.notification_id = n.id LIMIT 1), detail)
			FROM appt.notification n JOIN tenant t USING (application_id) WHERE n.subscription_id::text = f.item AND n.state = 'FAILED'
				AND (n.due_at AT TIME ZONE t.timezone)::date = f.date
				AND (n.id % 3 > 0 OR n.detail IS NOT NULL) ORDER BY n.due_at DESC, n.id DESC LIMIT 1)}),
	0,
	'with the error of the last webhook that failed');
is( $node->query(
		q{SELECT string_agg(extract(epoch FROM end_at - start_at) / 3600 || '', ' ' ORDER BY timezone) FROM appt.report_day
	JOIN tenant USING (application_id, timezone) WHERE date = change}) =~ s/(\.\d*?)0+(?= |$)/$1/gr =~ s/\.(?= |$)//gr,
	'25 24 23.5 25',
	'the days of the change have 25, 24 and 23.5 hours');
$node->stop;
done_testing();
