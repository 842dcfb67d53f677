package Appt::Mover;

# scripts/move-tenant between the shards of Appt::Router.
#
#   my $mover = Appt::Mover->new($node);                        # whose databases are the router and all shards
#   my $mover = Appt::Mover->new($node, shard1 => $other);      # but this one
#   $mover->move($application, 'shard0', 'shard1')              # what it printed; dies if it fails
#   $mover->refusal($application, 'shard0', 'shard1', '--cancel')   # its error; dies if it succeeds
#   my $move = $mover->start($application, 'shard0', 'shard1');
#   $move->reach(qr/^hold/m)                                    # waits until it prints this; from what it printed since the last
#   $move->kill, $move->finish                                  # what it printed; finish dies if it fails
#   $move->is_running

use strict;
use warnings;

use Carp;
use IPC::Run;

sub new
{
	my ($class, $node, %elsewhere) = @_;

	return bless { node => $node, elsewhere => \%elsewhere }, $class;
}

sub command
{
	my ($self, $application, $from, $to, @options) = @_;
	my ($source, $target, $directory) = map { ($self->{elsewhere}{$_} // $self->{node})->connstr($_) } $from, $to, 'router';

	return (
		"$ENV{APPT_RUN}/repository/scripts/move-tenant", '--application', $application, '--from', $source, '--to', $target,
		'--directory', $directory, @options);
}

sub move
{
	my ($self, @arguments) = @_;

	return $self->start(@arguments)->finish;
}

sub refusal
{
	my ($self, @arguments) = @_;
	my $output = '';

	IPC::Run::run([ $self->command(@arguments) ], '>', \$output, '2>&1') and croak "it was not refused: $output";
	return $output =~ /^move-tenant: (.*)/m ? $1 : croak "move-tenant failed: $output";
}

sub start
{
	my ($self, @arguments) = @_;
	my $move = bless { output => '', from => 0 }, ref $self;

	$move->{handle} = IPC::Run::start([ $self->command(@arguments) ], '>', \$move->{output}, '2>&1');
	return $move;
}

sub reach
{
	my ($self, $what) = @_;

	$self->{handle}->pump while $self->{handle}->pumpable && substr($self->{output}, $self->{from}) !~ $what;
	substr($self->{output}, $self->{from}) =~ $what or croak "it never printed $what: $self->{output}";
	$self->{from} += $+[0];
	return $self->{output};
}

sub is_running
{
	my ($self) = @_;

	$self->{handle}->pump_nb if $self->{handle}->pumpable;
	return $self->{handle}->pumpable;
}

sub kill
{
	my ($self) = @_;

	$self->{handle}->kill_kill(grace => 0);
	eval { $self->{handle}->finish };
	return $self->{output};
}

sub finish
{
	my ($self) = @_;

	$self->{handle}->finish or croak "move-tenant failed: $self->{output}";
	return $self->{output};
}

1;
