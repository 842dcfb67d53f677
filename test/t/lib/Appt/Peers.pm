package Appt::Peers;

# Real peers for tests: processes of test/peers that listen on 127.0.0.1 and record what they get.
#
#   my $mail = Appt::Peers->smtp('--silent-on-quit');       # options: test/peers/smtp_server.py --help
#   my $hook = Appt::Peers->webhook;                         # paths and their behaviour: test/peers/webhook_server.py
#   my $hole = Appt::Peers->silent;                          # accepts and never answers
#
#   $mail->url                  smtp://127.0.0.1:PORT;   $hook->url('/fail-first/2')
#   $hook->entries              all records so far, hashes; for their keys see the programs
#   $hook->wait_for(3)          waits until there are 3 and returns them; wait_for(1, sub { $_->{path} eq '/ok' }): of those
#   $hook->stop                 also done at the end
#
#   my $tls = Appt::Peers->certificate;                      # { ca, certificate, key }: files; for localhost and 127.0.0.1
#   Appt::Peers->webhook('--certificate', $tls->{certificate}, '--key', $tls->{key});

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes qw(sleep time);

my $programs = dirname(__FILE__) . '/../../../peers';
my $started = 0;
my %alive;

sub smtp    { my ($class, @options) = @_; return $class->_start('smtp_server.py',    @options); }
sub webhook { my ($class, @options) = @_; return $class->_start('webhook_server.py', @options); }
sub silent  { my ($class, @options) = @_; return $class->_start('silent_server.py',  @options); }

sub _start
{
	my ($class, $program, @options) = @_;
	my $record = PostgreSQL::Test::Utils::tempdir() . '/peer' . ++$started . '.jsonl';
	my $scheme = $program eq 'smtp_server.py' ? 'smtp' : 'http';

	$scheme .= 's' if grep { $_ eq '--implicit-tls' } @options or $scheme eq 'http' && grep { $_ eq '--certificate' } @options;
	my $pid = open my $output, '-|', '/usr/bin/python3', "$programs/$program", '--record', $record, @options
	  or croak "cannot start $program: $!";
	my $line = <$output> // '';
	my ($port) = $line =~ /^port (\d+)$/ or croak "$program did not start";
	my $self = bless { pid => $pid, output => $output, port => $port, scheme => $scheme, record => $record, read => 0, entries => [] },
	  $class;
	$alive{$pid} = 1;
	return $self;
}

sub port   { return $_[0]->{port}; }
sub pid    { return $_[0]->{pid}; }
sub record { return $_[0]->{record}; }

sub url
{
	my ($self, $path) = @_;

	return "$self->{scheme}://127.0.0.1:$self->{port}" . ($path // '');
}

sub entries
{
	my ($self) = @_;

	return @{ $self->{entries} } if !-e $self->{record};
	open my $file, '<', $self->{record} or croak "cannot read $self->{record}: $!";
	seek $file, $self->{read}, 0;
	while (my $line = <$file>)
	{
		# The last one may be half written.
		last if $line !~ /\n\z/;
		push @{ $self->{entries} }, decode_json($line);
		$self->{read} = tell $file;
	}
	close $file;
	return @{ $self->{entries} };
}

# Waits for $count records (that match), 180 seconds at most; returns those that there are.
sub wait_for
{
	my ($self, $count, $matches, $seconds) = @_;
	my $until = time + ($seconds // $PostgreSQL::Test::Utils::timeout_default);
	my @found;

	while (1)
	{
		@found = $matches ? grep { $matches->() } $self->entries : $self->entries;
		return @found if @found >= $count;
		last if time > $until;
		sleep 0.02;
	}
	Test::More::diag("waited in vain for $count records of " . $self->url . ', there are ' . @found);
	return @found;
}

# Forgets what was recorded so far.
sub forget
{
	my ($self) = @_;

	$self->entries;
	$self->{entries} = [];
	return;
}

sub stop
{
	my ($self) = @_;

	return if !delete $alive{ $self->{pid} };
	local $?;
	kill $_, $self->{pid} foreach qw(TERM CONT);
	close $self->{output};
	return;
}

# Perl waits for a piped process when its handle goes away: never without having ended it.
sub DESTROY { $_[0]->stop; return; }

# Stops or wakes the process, as a peer that is there and does nothing.
sub freeze { return kill 'STOP', $_[0]->{pid}; }
sub thaw   { return kill 'CONT', $_[0]->{pid}; }

# A certificate authority and a certificate by it for localhost and 127.0.0.1 (or the names given).
sub certificate
{
	my ($class, @names) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $names = join ',', @names ? @names : ('DNS:localhost', 'IP:127.0.0.1');

	_openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=appt test authority' -keyout '$folder/ca.key' -out '$folder/ca.pem'");
	_openssl("req -newkey rsa:2048 -nodes -subj '/CN=localhost' -keyout '$folder/server.key' -out '$folder/server.csr'");
	open my $extensions, '>', "$folder/extensions" or croak $!;
	print $extensions "subjectAltName=$names\n";
	close $extensions;
	_openssl("x509 -req -days 2 -in '$folder/server.csr' -CA '$folder/ca.pem' -CAkey '$folder/ca.key' -CAcreateserial -extfile '$folder/extensions' -out '$folder/server.pem'");
	return { ca => "$folder/ca.pem", certificate => "$folder/server.pem", key => "$folder/server.key" };
}

sub _openssl
{
	my ($arguments) = @_;
	my $output = `openssl $arguments 2>&1`;

	croak "openssl $arguments: $output" if $? != 0;
	return;
}

END
{
	local $?;
	kill 'TERM', keys %alive if %alive;
}

1;
