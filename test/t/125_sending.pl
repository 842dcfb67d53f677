# Notifications that users send by hand arrive; and calls that meet end as if one had come after the other.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Session;
use Appt::Tenant;
use Test::More;

my $node = Appt::Cluster->create('main', conf => "deadlock_timeout = '200ms'\n");
my $mail = Appt::Peers->smtp;
my $sms = Appt::Peers->sms;
my $tenant = Appt::Tenant->create($node);
my $application = $tenant->application;
$tenant->email($mail->url);
$tenant->provider('SMS', 'HTTP', $sms->url('/gateway'), sender => '+15550100000');
my $template = $tenant->query("SELECT appt.create_meeting_template('$application', 'Visit')");

sub appointment
{
	return $tenant->query(
		"SELECT id FROM appt.schedule_appointment('$application', '2031-07-01 12:00+00', '30 minutes', customer => '{\"name\":
			{\"firstName\": \"Ann\"}, \"contact\": {\"primaryEmail\": \"ann\@example.org\", \"primaryPhone\": \"+306900000001\"}}',
			organizer_id => 'ann', meeting_template_id => '$template')"
	);
}

sub state_of
{
	my ($id) = @_;
	return $tenant->query("SELECT concat_ws(' ', state, booking_state, notification_state) FROM appt.appointment WHERE id = '$id'");
}

# As users do it: confirm, change, update, cancel.
my $id = appointment();
is($tenant->query("SELECT count(*) FROM appt.notification WHERE appointment_id = '$id' AND due_at <= now()"), 0, 'saving sends nothing');
$tenant->query("SELECT appt.send_notification('$id', 'CREATE')");
my ($message) = $mail->wait_for(1);
like($message->{message}, qr/^To: .*ann\@example\.org/m, 'a confirmation arrives by email');
$tenant->query("SELECT appt.send_notification('$id', 'CONFIRMATION_REQUEST', 'SMS')");
is(scalar($sms->wait_for(1)), 1, 'a request for one by SMS');
is(state_of($id), 'ACTIVATED INVITED CONFIRMED', 'it is INVITED');
$tenant->query("SELECT appt.update_appointment('$id', location => 'Athens')");
is(state_of($id), 'ACTIVATED INVITED UPDATE_DUE', 'a change makes an update due');
ok($tenant->settled, 'and sends nothing');
is(scalar($mail->entries), 1, 'to customers');
$tenant->query("SELECT appt.send_notification('$id', 'RESCHEDULE')");
$mail->wait_for(2);
is(state_of($id), 'ACTIVATED INVITED CONFIRMED', 'the update is sent');
$tenant->query("SELECT appt.send_notification('$id', 'CANCELLED', confirmed => true)");
$mail->wait_for(3);
is(state_of($id), 'CANCELLED INVITED CONFIRMED', 'so is the cancellation');
ok($tenant->settled, 'all is settled');
is( $tenant->query(
		"SELECT string_agg(type || ' ' || channel || ' ' || state, ', ' ORDER BY id) FROM appt.notification
		WHERE appointment_id = '$id' AND recipient_kind = 'CUSTOMER' AND settled_at IS NOT NULL AND state <> 'CANCELLED'"),
	'CREATE EMAIL SENT, CONFIRMATION_REQUEST SMS SENT, RESCHEDULE EMAIL SENT, CANCELLED EMAIL SENT',
	'the log has them');

# Calls that meet. The worker is held, so that what is planned stays.
$node->query("ALTER SYSTEM SET appt.enabled = off");
$node->query("SELECT pg_reload_conf()");
my %calls = (
	create => "SELECT appt.send_notification('ID', 'CREATE')",
	update => "SELECT appt.send_notification('ID', 'RESCHEDULE')",
	cancellation => "SELECT appt.send_notification('ID', 'CANCELLED', confirmed => true)",
	reschedule => "SELECT appt.reschedule_appointment('ID', '2031-07-02 12:00+00')",
	change => "SELECT appt.update_appointment('ID', location => 'Athens')",
	cancel => "SELECT appt.cancel_appointment('ID')",
	delete => "SELECT appt.delete_appointment('ID')");
my @pairs = (
	[ 'create', 'create', '00000', 'BOOKED CONFIRMED', 'CREATE PENDING' ],
	[ 'create', 'reschedule', '00000', 'BOOKED UPDATE_DUE', 'CREATE PENDING' ],
	[ 'create', 'change', '00000', 'BOOKED UPDATE_DUE', 'CREATE PENDING' ],
	[ 'create', 'cancel', '00000', 'BOOKED CONFIRMED', 'CREATE CANCELLED' ],
	[ 'create', 'cancellation', '00000', 'BOOKED CONFIRMED', 'CANCELLED PENDING, CREATE CANCELLED' ],
	[ 'create', 'delete', '00000', '', 'CREATE CANCELLED' ],
	[ 'reschedule', 'create', '00000', 'BOOKED CONFIRMED', 'CREATE PENDING' ],
	[ 'change', 'create', '00000', 'BOOKED CONFIRMED', 'CREATE PENDING' ],
	[ 'cancel', 'create', 'PT409', 'NEW NONE', '' ],
	[ 'cancellation', 'create', 'PT409', 'NEW NONE', 'CANCELLED PENDING' ],
	[ 'cancellation', 'cancellation', '00000', 'NEW NONE', 'CANCELLED PENDING' ],
	[ 'cancel', 'cancellation', '00000', 'NEW NONE', 'CANCELLED PENDING' ],
	[ 'cancellation', 'cancel', '00000', 'NEW NONE', 'CANCELLED PENDING' ],
	[ 'cancellation', 'update', 'PT409', 'NEW NONE', 'CANCELLED PENDING' ],
	[ 'delete', 'create', 'PT404', '', '' ],
	[ 'delete', 'cancellation', 'PT404', '', '' ]);
my ($one, $two) = map { Appt::Session->open($node) } 1 .. 2;
$_->run('SET client_min_messages = error') foreach $one, $two;
foreach my $isolation ('READ COMMITTED', 'SERIALIZABLE')
{
	foreach my $pair (@pairs)
	{
		my ($first, $second, $end, $state, $log) = @$pair;
		my $met = appointment();
		my $name = "$isolation: $second while $first";

		$one->run("BEGIN ISOLATION LEVEL $isolation");
		$two->run("BEGIN ISOLATION LEVEL $isolation; SELECT count(*) FROM appt.appointment WHERE id = '$met'");
		$one->run($calls{$first} =~ s/ID/$met/r);
		$two->start($calls{$second} =~ s/ID/$met/r);
		ok($two->is_blocked, "$name waits");
		$one->run('COMMIT');
		my $found = $two->end;
		$two->run($found eq '00000' ? 'COMMIT' : 'ROLLBACK');

		if ($found eq '40001')
		{
			is($isolation, 'SERIALIZABLE', "$name is refused, as that level does");
			$found = $two->try($calls{$second} =~ s/ID/$met/r);
		}
		is($found, $end, "$name ends as after it");
		is($tenant->query("SELECT concat_ws(' ', booking_state, notification_state) FROM appt.appointment WHERE id = '$met'"),
			$state, "$name: states");
		is( $tenant->query(
				"SELECT string_agg(type || ' ' || state, ', ' ORDER BY type, id) FROM appt.notification WHERE appointment_id = '$met'
				AND recipient_kind = 'CUSTOMER' AND type <> 'REMINDER'"),
			$log,
			"$name: messages");
	}
}
unlike($node->log_since(0), qr/deadlock detected/, 'no deadlock');
$node->stop;
done_testing();
