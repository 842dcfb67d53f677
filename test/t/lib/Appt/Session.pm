package Appt::Session;

# A psql that stays open: for transactions that meet others half-way.
#
#   my $one = Appt::Session->open($node);       # database => 'x', user => 'y'
#   my $two = Appt::Session->open($node);
#   $one->run('BEGIN; SELECT appt.delete_appointment(...)');     # waits for it; its output, dies of an error
#   $two->start('SELECT appt.cancel_appointment(...)');          # does not wait
#   ok($two->is_blocked, '...');                # waits until it is done (false) or waits for a lock (true)
#   $two->is_running                            # false once it is done
#   $one->run('COMMIT');
#   is($two->end, 'PT404', '...');              # waits until it is done; the SQLSTATE of its last statement
#   $two->output, $two->errors                  # what it printed, as psql -A -t, with verbose errors
#
# Sessions end with the test.

use strict;
use warnings;

use Carp;
use IPC::Run;
use Time::HiRes qw(sleep);

# One more session per cluster, which looks at the others.
my %watchers;

sub open
{
	my ($class, $node, %options) = @_;
	my $self = bless { node => $node, in => '', out => '', err => '', count => 0 }, $class;

	$self->{handle} = IPC::Run::start(
		[   'psql', '-X', '-q', '-A', '-t', '-v', 'VERBOSITY=verbose', '-d', $node->connstr($options{database} // 'postgres'),
			defined $options{user} ? ('-U', $options{user}) : () ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, IPC::Run::timeout(600));
	$self->{pid} = $self->run('SELECT pg_backend_pid()');
	return $self;
}

sub start
{
	my ($self, $sql) = @_;

	$self->{count}++;
	$self->{out} = $self->{err} = '';
	$self->{in} .= "$sql;\n\\echo end $self->{count} :SQLSTATE\n";
	$self->{handle}->pump_nb;
	return;
}

# The SQLSTATE of what was started; undef while it is running.
sub _state
{
	my ($self) = @_;

	return $self->{out} =~ /^end $self->{count} (\w+)$/m ? $1 : undef;
}

sub is_running
{
	my ($self) = @_;

	$self->{handle}->pump_nb;
	return !defined $self->_state;
}

sub end
{
	my ($self) = @_;

	$self->{handle}->pump until defined $self->_state;
	return $self->_state;
}

sub try
{
	my ($self, $sql) = @_;

	$self->start($sql);
	return $self->end;
}

sub run
{
	my ($self, $sql) = @_;

	$self->try($sql) eq '00000' or croak "$sql: $self->{err}";
	return $self->output;
}

sub output
{
	my ($self) = @_;

	return $self->{out} =~ s/\n?^end $self->{count} \w+\n\z//mr;
}

sub errors { my ($self) = @_; return $self->{err}; }

sub is_blocked
{
	my ($self) = @_;
	my $watcher = $watchers{ $self->{node}->name } //= Appt::Session->open($self->{node});

	while (1)
	{
		$self->{handle}->pump_nb;
		return 0 if defined $self->_state;
		return 1 if $watcher->run("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $self->{pid}") eq 't';
		sleep 0.002;
	}
}

1;
