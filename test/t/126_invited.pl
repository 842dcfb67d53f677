# An appointment becomes INVITED once a reminder with buttons to accept or decline was sent: also if somebody holds the
# appointment meanwhile, and if the worker is killed before; no message waits for it, and an answer stays.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "appt.request_timeout = '10min'");
my $mail = Appt::Peers->smtp;
my $tenant = Appt::Tenant->create($node, public_url => 'https://meet.example');
my $application = $tenant->application;
$tenant->email($mail->url);
my $template = $tenant->query("INSERT INTO appt.meeting_template (application_id, name) VALUES ('$application', 'Visit') RETURNING id");
$tenant->query(
	"INSERT INTO appt.rule (application_id, meeting_template_id, type, channel, time_offset, buttons) VALUES
	('$application', '$template', 'REMINDER', 'EMAIL', '1 hour', '{ACCEPT,VIEW_DETAILS}'),
	('$application', '$template', 'REMINDER', 'EMAIL', '2 hours', '{VIEW_DETAILS}')");

# An appointment whose reminder at this offset is due now.
sub appointment
{
	my ($offset) = @_;

	return $tenant->query(
		"SELECT id FROM appt.schedule_appointment('$application', now() + interval '$offset' + interval '2 seconds', '30 minutes',
			customer => '{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'ann', meeting_template_id => '$template')"
	);
}
sub booking_state { my ($id) = @_; return "SELECT booking_state FROM appt.appointment WHERE id = '$id'"; }

sub is_sent
{
	my ($id) = @_;
	return $node->wait_for_query("SELECT count(*) > 0 FROM appt.notification WHERE appointment_id = '$id' AND state = 'SENT'", 't');
}

my $id = appointment('1 hour');
is($tenant->query(booking_state($id)), 'NEW', 'before the reminder');
ok(is_sent($id), 'it is sent');
ok($node->wait_for_query(booking_state($id), 'INVITED'), 'and the appointment is INVITED');
ok($node->wait_for_query('SELECT count(*) FROM appt.invitation', 0), 'nothing is left to do');

# Without such buttons; after an answer.
my $without = appointment('2 hours');
my $answered = appointment('1 hour');
$tenant->query("UPDATE appt.appointment SET booking_state = 'DECLINED' WHERE id = '$answered'");
ok(is_sent($_), 'another is sent') foreach $without, $answered;
my $later = appointment('1 hour');
ok(is_sent($later) && $node->wait_for_query(booking_state($later), 'INVITED'), 'a later one invites');
is($tenant->query(booking_state($without)), 'NEW', 'buttons that only show do not invite');
is($tenant->query(booking_state($answered)), 'DECLINED', 'what a customer has said stays');
ok($node->wait_for_query('SELECT count(*) FROM appt.invitation', 0), 'nothing is left to do');

# Somebody holds the appointment.
my $holder = Appt::Session->open($node);
my $held = appointment('1 hour');
$holder->run("BEGIN; SELECT 1 FROM appt.appointment WHERE id = '$held' FOR UPDATE");
ok(is_sent($held), 'the reminder does not wait for who holds the appointment');
ok($node->wait_for_query("SELECT count(*) FROM appt.invitation WHERE appointment_id = '$held'", 1), 'the invitation does');
my $free = appointment('1 hour');
ok(is_sent($free) && $node->wait_for_query(booking_state($free), 'INVITED'), 'others go on');
is($tenant->query(booking_state($held)), 'NEW', 'it still waits');
$holder->run('COMMIT');
ok($node->wait_for_query(booking_state($held), 'INVITED'), 'until it is free');
$held = appointment('1 hour');
$holder->run("BEGIN; SELECT 1 FROM appt.appointment WHERE id = '$held' FOR UPDATE");
ok($node->wait_for_query("SELECT count(*) FROM appt.invitation WHERE appointment_id = '$held'", 1), 'another waits');

# It is cancelled and reopened meanwhile: the reminder was about what is no more.
my $reopened = appointment('1 hour');
$holder->run("BEGIN; SELECT 1 FROM appt.appointment WHERE id = '$reopened' FOR UPDATE");
ok($node->wait_for_query("SELECT count(*) FROM appt.invitation WHERE appointment_id = '$reopened'", 1), 'one waits');
$holder->run(
	"SELECT appt.cancel_appointment('$reopened'); SELECT appt.reopen_appointment('$reopened', now() + interval '2 days'); COMMIT");
ok($node->wait_for_query('SELECT count(*) FROM appt.invitation', 0), 'of one that is reopened nothing is left to do');
is($tenant->query(booking_state($reopened)), 'NEW', 'and it is not INVITED by a reminder of before');

# The worker is killed, and the server starts anew: whoever held the appointment is gone, too.
my ($worker) = $node->wait_for_workers;
kill 'KILL', $worker;
ok($node->wait_for_query(booking_state($held), 'INVITED'), 'a crash does not forget it');
ok($node->wait_for_query('SELECT count(*) FROM appt.invitation', 0), 'and nothing is left to do');

# It was deleted before.
my $gone = appointment('1 hour');
$holder = Appt::Session->open($node);
$holder->run("BEGIN; SELECT 1 FROM appt.appointment WHERE id = '$gone' FOR UPDATE");
ok(is_sent($gone), 'sent');
ok($node->wait_for_query("SELECT count(*) FROM appt.invitation WHERE appointment_id = '$gone'", 1), 'it waits');
$holder->run("SELECT appt.delete_appointment('$gone'); COMMIT");
ok($node->wait_for_query('SELECT count(*) FROM appt.invitation', 0), 'of one that is deleted nothing is left to do');

$node->stop;
done_testing();
