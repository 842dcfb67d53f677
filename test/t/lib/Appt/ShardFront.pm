package Appt::ShardFront;

# Debian's HAProxy with doc/haproxy.cfg, in front of servers of Appt::Rest, one for each shard: nodes 0, 1.
#
#   my $front = Appt::ShardFront->start([$rest0, $rest1], $router);             # and a server in front of the router
#   Appt::ShardFront->start([...], $router, public_key => $pem);                # tokens by RS256 instead of HS256
#   Appt::ShardFront->start([...], $router, seconds => 50);                     # so long a request waits for a tenant that is moving
#   Appt::ShardFront->start([...], $router, secret => '');                      # another key of HS256
#   $front->url                                         # for Appt::Rest->at
#   $front->write_maps($node, 'router', @options)       # scripts/front-maps, from the directory in a database; its output
#   $front->maps_command($node, 'router', @options)     # the same, as words of a command
#   $front->ask('show map maps/tags.map')               # by the stats socket
#   $front->log_text                                    # what HAProxy has logged

use strict;
use warnings;

use Appt::Rest;
use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my %alive;

sub start
{
	my ($class, $shards, $router, %options) = @_;
	my $haproxy = (grep { -x $_ } '/usr/sbin/haproxy', '/usr/bin/haproxy')[0] or die "haproxy is not installed\n";
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	# The path of a socket is short.
	my $folder = PostgreSQL::Test::Utils::tempdir_short();
	my $self = bless { folder => $folder, url => "http://127.0.0.1:$port", haproxy => $haproxy }, $class;
	$self->{secret} = $options{secret} // Appt::Rest->secret;

	$self->_write_configuration($port, $shards, $router, %options);
	$self->_run;
	return $self;
}

# The documents with this test's ports, and empty maps.
sub _write_configuration
{
	my ($self, $port, $shards, $router, %options) = @_;
	my $documents = ($ENV{REPOSITORY} // '.') . '/doc';
	my $text = slurp_file("$documents/haproxy.cfg");
	my ($first, $second, $functions) = map { $_->url =~ m{^http://(.*?)/?$} } @$shards, $router;

	$text =~ s/^\t(?:user|group) haproxy\n//gm == 2 or die 'no user';
	$text =~ s/bind 127\.0\.0\.1:3000/bind 127.0.0.1:$port/ or die 'no bind';
	$text =~ s{/run/haproxy/admin\.sock}{$self->{folder}/admin.sock} or die 'no socket';
	$text =~ s/10\.0\.0\.10:3000/$first/g == 2 or die 'no shard 0';
	$text =~ s/10\.0\.0\.11:3000/$second/g == 2 or die 'no shard 1';
	$text =~ s/10\.0\.0\.9:3000/$functions/ or die 'no router';
	if ($options{public_key})
	{
		# As one turns them over: the lines of RS256 for those of HS256.
		$text =~ s/^\t#((?:acl by_public_key|http-request set-var\(txn\.verified\)).*)$/\t$1/gm == 2 or die 'no RS256';
		$text =~ s/^\thttp-request set-var\(txn\.verified\).* by_secret has_secret\n//m or die 'no HS256';
		$text =~ s/"jwt\.pem"/"$options{public_key}"/ or die 'no public key';
	}
	mkdir "$self->{folder}/maps";
	append_to_file("$self->{folder}/maps/$_", '') foreach qw(tags.map organizations.map);
	append_to_file("$self->{folder}/haproxy.cfg", $text);
	my $script = slurp_file("$documents/haproxy.lua");
	$script =~ s/^local seconds = 10$/local seconds = $options{seconds}/m or die 'no seconds' if $options{seconds};
	append_to_file("$self->{folder}/haproxy.lua", $script);
	return;
}

sub _run
{
	my ($self) = @_;
	my $pid = fork // die "cannot fork: $!";

	if ($pid == 0)
	{
		open STDOUT, '>>', "$self->{folder}/haproxy.log";
		open STDERR, '>&', \*STDOUT;
		$ENV{APPT_JWT_SECRET} = $self->{secret};
		exec $self->{haproxy}, '-db', '-f', "$self->{folder}/haproxy.cfg";
		exit 127;
	}
	$self->{pid} = $pid;
	$alive{$pid} = 1;
	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if eval { $self->ask('show info') =~ /^Name: HAProxy/; };
		last if waitpid($self->{pid}, 1) != 0;
		select undef, undef, undef, 0.1;
	}
	die 'haproxy does not answer: ' . $self->log_text;
}

# Another process, which reads the maps from their files.
sub restart
{
	my ($self) = @_;

	$self->stop;
	$self->_run;
	return;
}

sub url { return $_[0]->{url}; }

sub folder { return $_[0]->{folder}; }

sub ask
{
	my ($self, $command) = @_;
	my $socket = IO::Socket::UNIX->new(Peer => "$self->{folder}/admin.sock") or die "no socket: $!";

	print $socket "$command\n";
	my $answer = join '', <$socket>;
	close $socket;
	return $answer;
}

sub maps_command
{
	my ($self, $node, $database, @options) = @_;
	my $program = ($ENV{REPOSITORY} // '.') . '/scripts/front-maps';

	return ($program, '--dsn', $node->connstr($database), '--socket', "$self->{folder}/admin.sock", @options, "$self->{folder}/maps");
}

sub write_maps
{
	my ($self, @where_and_options) = @_;
	my @command = $self->maps_command(@where_and_options);
	my $output = '';

	return IPC::Run::run(\@command, '>&', \$output) ? 'done' : $output;
}

sub stop
{
	my ($self) = @_;

	return if !delete $alive{ $self->{pid} };
	local $?;
	kill 'TERM', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

sub log_text { return slurp_file("$_[0]->{folder}/haproxy.log"); }

# A server that ends with the test.
END
{
	local $?;
	kill 'KILL', keys %alive;
}

1;
