# A day is counted once also if it begins anew, because the timezone has changed, while a worker counts it.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.enabled = off\nappt.log_retention = '36500d'");
$node->query('CREATE EXTENSION appt_test');
my $tenant = Appt::Tenant->create($node, timezone => 'UTC');
my $application = $tenant->application;
my $now = "timestamptz '2026-03-10 06:30+00'";
my $figures = "SELECT date, total FROM appt.daily_figure WHERE subject = 'EVENTS' ORDER BY date";
$node->query(
	qq{
	INSERT INTO appt.user_profile (application_id, id, email, is_admin) VALUES ('$application', 'ann', 'ann\@example.org', true);
	INSERT INTO appt.user_preference (application_id, user_id, type, enabled) VALUES ('$application', 'ann', 'DAILY_ACTIVITY', true);
	INSERT INTO appt.user_event (application_id, type, created_at)
		SELECT '$application', 'CALL', timestamptz '2026-03-05 12:00+00' FROM generate_series(1, 1500)});

my ($counting, $reviewing) = map { Appt::Session->open($node) } 1 .. 2;

# A first portion, and then the last one of the day, are not committed yet when the day begins anew.
foreach my $portions (1, 10)
{
	$node->query(
		"DELETE FROM appt.report_day; DELETE FROM appt.daily_figure; DELETE FROM appt.report_schedule;
		UPDATE appt.application SET timezone = 'UTC'; SELECT appt_test.review_reports($now);
		DELETE FROM appt.report_day WHERE date <> '2026-03-05'");
	$node->query("SELECT appt_test.count_days($now, 1)") if $portions > 1;
	$node->query("UPDATE appt.application SET timezone = 'Etc/GMT+1'");
	$counting->run("BEGIN; SELECT appt_test.count_days($now, $portions)");
	$reviewing->start("SELECT appt_test.review_reports($now)");
	ok($reviewing->is_blocked, 'the day is locked');
	$counting->run('COMMIT');
	is($reviewing->end, '00000', 'once it is not any more, it begins anew, unless it is complete');
	$node->query("SELECT appt_test.count_days(timestamptz '2026-03-11 12:00+00')");
	is($node->query($figures), '2026-03-05|1500', 'and each event is counted once');
}
$node->stop;
done_testing();
