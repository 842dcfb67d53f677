package Appt::Tenant;

# An organization with one application, as most tests of delivery need it.
#
#   my $tenant = Appt::Tenant->create($node, retry_base => '200 ms');   # arguments of create_application
#   $tenant->email($mail->url);                            # an SMTP provider
#   $tenant->provider('SMS', 'HTTP', $url, settings => '{}');   # any; its id
#   $tenant->subscribe($hook->url('/ok'));                 # a subscription; its id
#   $tenant->only('CREATE', 'WEBHOOK');                    # no other rules
#   my $id = $tenant->schedule(start_at => "now() + interval '1 day'", customer => 'ann@example.org');
#   $tenant->schedule_many(100);                           # the same in one call; start_at as above
#   $tenant->settled                                       # waits until nothing is owed any more
#   $tenant->states                                        # {'CREATE WEBHOOK' => 'SENT', ...}
#   $tenant->is_prompt(sub { $tenant->schedule_many(20) }, '...');   # a test: what is planned there starts on time

use strict;
use warnings;

use Appt::Rounds;
use Test::More ();

sub create
{
	my ($class, $node, %settings) = @_;
	my $database = delete $settings{database} // 'postgres';
	my $arguments = join '', map { ", $_ => '$settings{$_}'" } sort keys %settings;
	my $organization = $node->query("SELECT appt.create_organization('tests')", $database);
	my $application = $node->query("SELECT appt.create_application('$organization', 'tests'$arguments)", $database);

	return bless { node => $node, database => $database, organization => $organization, application => $application }, $class;
}

sub query { my ($self, $sql) = @_; return $self->{node}->query($sql, $self->{database}); }

sub application { return $_[0]->{application}; }
sub organization { return $_[0]->{organization}; }

sub email
{
	my ($self, $url, %more) = @_;
	my $sender = $more{sender} // 'Appointments <appointments@example.org>';

	return $self->query("SELECT appt.set_provider('$self->{application}', 'EMAIL', 'SMTP', '$url', sender => '$sender')");
}

sub provider
{
	my ($self, $channel, $kind, $url, %more) = @_;
	my $arguments = join '', map { ", $_ => '$more{$_}'" } sort keys %more;

	return $self->query("SELECT appt.set_provider('$self->{application}', '$channel', '$kind', '$url'$arguments)");
}

sub subscribe
{
	my ($self, $url) = @_;

	return $self->query("SELECT id FROM appt.create_subscription('$self->{application}', '$url', hmac_key => 'secret')");
}

# Leaves only the rules of one type and channel, at these offsets.
sub only
{
	my ($self, $type, $channel, @offsets) = @_;

	$self->query("DELETE FROM appt.rule WHERE application_id = '$self->{application}'");
	$self->rule($type, $channel, $_) foreach @offsets ? @offsets : ('0');
	return;
}

sub rule
{
	my ($self, $type, $channel, $offset) = @_;

	$offset //= '0';
	return $self->query(
		"INSERT INTO appt.rule (application_id, type, channel, time_offset)
		 VALUES ('$self->{application}', '$type', '$channel', '$offset') RETURNING id");
}

sub schedule
{
	my ($self, %arguments) = @_;
	my $start_at = $arguments{start_at} // "now() + interval '2 days'";
	my $duration = $arguments{duration} // '30 minutes';
	my $email = $arguments{customer} // 'ann@example.org';
	my $phone = defined $arguments{phone} ? qq(, "primaryPhone": "$arguments{phone}") : '';

	return $self->query(
		"SELECT id FROM appt.schedule_appointment('$self->{application}', $start_at, '$duration',
		   customer => '{\"name\": {\"firstName\": \"Ann\"}, \"contact\": {\"primaryEmail\": \"$email\"$phone}}',
		   organizer_id => 'agent-1', title => 'A test')");
}

sub schedule_many
{
	my ($self, $count, %arguments) = @_;
	my $start_at = $arguments{start_at} // "now() + interval '2 days'";

	return $self->query(
		"SELECT count((appt.schedule_appointment('$self->{application}', $start_at, '30 minutes',
		   customer => '{\"contact\": {\"primaryEmail\": \"ann\@example.org\"}}', organizer_id => 'agent-1')).id)
		 FROM generate_series(1, $count)");
}

# Waits until no notification of the application that is due is open.
sub settled
{
	my ($self) = @_;

	return $self->{node}->wait_for_query(
		"SELECT count(*) FROM appt.notification WHERE application_id = '$self->{application}'
		   AND settled_at IS NULL AND due_at <= now()", 0, database => $self->{database});
}

# A test: nine in ten of what is planned and then settled start less than a second late.
sub is_prompt
{
	my ($self, $plan, $name) = @_;

	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $late = in_rounds(
		sub {
			my $before = $self->query('SELECT coalesce(max(id), 0) FROM appt.notification');
			$plan->();
			$self->settled or return undef;
			return $self->query(
				"SELECT extract(epoch FROM percentile_disc(0.9) WITHIN GROUP (ORDER BY lateness)) FROM appt.notification_log
				WHERE application_id = '$self->{application}' AND notification_id > $before");
		},
		sub { !defined $_[0] || $_[0] < 1 });
SKIP:
	{
		Test::More::skip('times under a sanitizer', 1) if $ENV{APPT_SANITIZE};
		Test::More::ok(defined $late && $late < 1, $name) or Test::More::diag(defined $late ? "$late seconds late" : 'never settled');
	}
	return;
}

# Type and channel of each notification, with its state and, if any, its reason.
sub states
{
	my ($self, $appointment) = @_;
	my $where = defined $appointment ? "AND appointment_id = '$appointment'" : '';
	my %states;

	foreach my $line (
		split /\n/,
		$self->query(
			"SELECT type || ' ' || channel, concat_ws(' ', state, reason) FROM appt.notification
			 WHERE application_id = '$self->{application}' $where ORDER BY id"))
	{
		my ($what, $state) = split /\|/, $line;
		$states{$what} = $state;
	}
	return \%states;
}

1;
