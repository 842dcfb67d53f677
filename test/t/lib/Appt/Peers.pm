package Appt::Peers;

# Real peers for tests: processes of test/peers that listen on 127.0.0.1 and record what they get.
#
#   my $mail = Appt::Peers->smtp('--silent-on-quit');       # options: test/peers/smtp_server.py --help
#   my $hook = Appt::Peers->webhook;                         # paths and their behaviour: test/peers/webhook_server.py
#   my $sms = Appt::Peers->sms;                              # Twilio, Genesys Cloud, a gateway: test/peers/sms_server.py
#   my $rest = Appt::Peers->rest(...);                       # a stand-in for PostgREST: Appt::Rest->stand_in starts it
#   my $hole = Appt::Peers->silent;                          # accepts and never answers
#   my $flood = Appt::Peers->tls_flood('--speak', 'https', '--flood', 'tickets', ...);   # see test/peers/tls_flood.c
#
#   $mail->url                  smtp://127.0.0.1:PORT;   $hook->url('/fail-first/2')
#   $hook->entries              all records so far, hashes; for their keys see the programs
#   $hook->wait_for(3)          waits until there are 3 and returns them; wait_for(1, sub { $_->{path} eq '/ok' }): of those
#   $hook->release('a')         has /hold/a answered
#   $hook->stop                 also done at the end
#
#   my ($port, $socket) = Appt::Peers->nobody;               # connections are refused, and it stays so while $socket is kept
#   my ($port, @sockets) = Appt::Peers->black_hole;          # connecting gets no answer, likewise
#
#   my $tls = Appt::Peers->certificate;                      # { ca, certificate, key }: files; for localhost and 127.0.0.1
#   Appt::Peers->webhook('--certificate', $tls->{certificate}, '--key', $tls->{key});
#
#   my $authority = Appt::Peers->authority;                  # { ca, key }; more than one certificate of one authority:
#   my $late = Appt::Peers->issue($authority, names => 'DNS:localhost', from => '20200101000000Z', until => '20200102000000Z');
#   Appt::Peers->self_signed(names => 'DNS:localhost')       # also { ca, certificate, key }; rsa => 1: by an RSA key
#
#   Appt::Peers->lookup_library                              # for LD_PRELOAD: names that hang and fail, see test/peers/lookup.c
#   Appt::Peers->full_disk_library                           # likewise: a disk that is full at times, see test/peers/full_disk.c

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use HTTP::Tiny;
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More ();
use Time::HiRes qw(sleep time);

my $programs = dirname(__FILE__) . '/../../../peers';
my $started = 0;
my %alive;

sub smtp { my ($class, @options) = @_; return $class->_start('smtp_server.py', @options); }
sub webhook { my ($class, @options) = @_; return $class->_start('webhook_server.py', @options); }
sub sms { my ($class, @options) = @_; return $class->_start('sms_server.py', @options); }
sub rest { my ($class, @options) = @_; return $class->_start('rest_server.py', @options); }
sub silent { my ($class, @options) = @_; return $class->_start('silent_server.py', @options); }

my $tls_flood;

sub tls_flood
{
	my ($class, %options) = @_;
	my %schemes = (https => 'https', smtps => 'smtps', starttls => 'smtp');

	if (!$tls_flood)
	{
		$tls_flood = PostgreSQL::Test::Utils::tempdir() . '/tls_flood';
		PostgreSQL::Test::Utils::system_or_bail('cc', '-o', $tls_flood, "$programs/tls_flood.c", '-lssl', '-lcrypto');
	}
	return $class->_run($schemes{ $options{'--speak'} }, $tls_flood, %options);
}

sub _start
{
	my ($class, $program, @options) = @_;
	my $scheme = $program eq 'smtp_server.py' ? 'smtp' : 'http';

	$scheme .= 's' if grep { $_ eq '--implicit-tls' } @options or $scheme eq 'http' && grep { $_ eq '--certificate' } @options;
	return $class->_run($scheme, '/usr/bin/python3', "$programs/$program", @options);
}

# A program that listens and records, with its arguments.
sub _run
{
	my ($class, $scheme, $program, @arguments) = @_;
	my $record = PostgreSQL::Test::Utils::tempdir() . '/peer' . ++$started . '.jsonl';
	my $pid = open my $output, '-|', $program, @arguments, '--record', $record
		or croak "cannot start $program: $!";
	my $line = <$output> // '';
	my ($port) = $line =~ /^port (\d+)$/ or croak "$program did not start";
	my $self = bless { pid => $pid, output => $output, port => $port, scheme => $scheme, record => $record, read => 0, entries => [] },
		$class;
	$alive{$pid} = 1;
	return $self;
}

sub port { return $_[0]->{port}; }
sub pid { return $_[0]->{pid}; }
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

# Asks a webhook receiver for something, past any proxy.
sub ask
{
	my ($self, $path) = @_;
	my $answer =
		HTTP::Tiny->new(proxy => undef, http_proxy => undef, timeout => $PostgreSQL::Test::Utils::timeout_default)->get($self->url($path));

	croak "no answer to $path: $answer->{content}" if $answer->{status} != 200;
	return;
}

sub release { my ($self, $name) = @_; return $self->ask("/release/$name"); }

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

# Perl waits for a piped process when its handle is destroyed, so end the process first.
sub DESTROY { $_[0]->stop; return; }

# Stops or wakes the process, as a peer that is there and does nothing.
sub freeze { return kill 'STOP', $_[0]->{pid}; }
sub thaw { return kill 'CONT', $_[0]->{pid}; }

# No other process gets a bound port; with ReuseAddr one of our peers may.
sub nobody
{
	my $bound = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Proto => 'tcp', ReuseAddr => 1) or croak "cannot bind: $!";

	return ($bound->sockport, $bound);
}

# Its queue is full, and nobody accepts.
sub black_hole
{
	my $full = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or croak "cannot listen: $!";
	my @crowd = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $full->sockport, Blocking => 0) } 1 .. 8;

	return ($full->sockport, $full, @crowd);
}

sub lookup_library { return _library('lookup'); }
sub full_disk_library { return _library('full_disk'); }

sub _library
{
	my ($name) = @_;
	my $library = PostgreSQL::Test::Utils::tempdir() . "/$name.so";

	PostgreSQL::Test::Utils::system_or_bail('cc', '-shared', '-fPIC', '-o', $library, "$programs/$name.c", '-ldl');
	return $library;
}

# A certificate authority and a certificate by it for localhost and 127.0.0.1 (or the names given).
sub certificate
{
	my ($class, @names) = @_;

	return $class->issue($class->authority, @names ? (names => join(',', @names)) : ());
}

my $own_names = 'DNS:localhost,IP:127.0.0.1';
my $new_key = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes';

sub authority
{
	my ($class) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();

	_openssl("req -x509 $new_key -days 2 -subj '/CN=appt test authority' -addext 'keyUsage=critical,keyCertSign,cRLSign'"
			. " -keyout '$folder/ca.key' -out '$folder/ca.pem'");
	return { ca => "$folder/ca.pem", key => "$folder/ca.key" };
}

sub issue
{
	my ($class, $authority, %options) = @_;
	my %chosen = (names => $own_names, from => '20200101000000Z', until => '20991231235959Z', %options);
	my $folder = PostgreSQL::Test::Utils::tempdir();

	# Python refuses a certificate that does not name the key of its authority.
	_write("$folder/extensions", "subjectAltName=$chosen{names}\nbasicConstraints=CA:FALSE\nauthorityKeyIdentifier=keyid:always\n");
	_write("$folder/index", '');
	_write("$folder/config", <<"CONFIG");
[ca]
default_ca = this
[this]
database = $folder/index
new_certs_dir = $folder
default_md = sha256
rand_serial = yes
policy = any
[any]
commonName = supplied
CONFIG
	_openssl("req $new_key -subj '/CN=localhost' -keyout '$folder/server.key' -out '$folder/server.csr'");
	_openssl( "ca -batch -notext -config '$folder/config' -cert '$authority->{ca}' -keyfile '$authority->{key}'"
			. " -startdate $chosen{from} -enddate $chosen{until} -extfile '$folder/extensions' -in '$folder/server.csr' -out '$folder/server.pem'"
	);
	return { ca => $authority->{ca}, certificate => "$folder/server.pem", key => "$folder/server.key" };
}

sub self_signed
{
	my ($class, %options) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir();
	my $names = $options{names} // $own_names;
	my $key = $options{rsa} ? '-newkey rsa:2048 -nodes' : $new_key;

	_openssl(
		"req -x509 $key -days 2 -subj '/CN=localhost' -addext 'subjectAltName=$names' -keyout '$folder/self.key' -out '$folder/self.pem'");
	return { ca => "$folder/self.pem", certificate => "$folder/self.pem", key => "$folder/self.key" };
}

sub _write
{
	my ($path, $text) = @_;

	open my $file, '>', $path or croak "cannot write $path: $!";
	print $file $text;
	close $file or croak "cannot write $path: $!";
	return;
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
