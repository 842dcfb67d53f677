package Appt::Front;

# Debian's nginx with doc/nginx.conf, in front of a server of Appt::Rest.
#
#   my $front = Appt::Front->start($rest);
#   $front->url                              # http://127.0.0.1:PORT
#   my $answer = $front->request('GET', '/r/token', { headers => {...}, content => '...' });    # as HTTP::Tiny's
#   $front->stop; $front->logs               # what nginx has logged

use strict;
use warnings;

use HTTP::Tiny;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;

my %alive;

sub start
{
	my ($class, $rest) = @_;
	my $nginx = (grep { -x $_ } '/usr/sbin/nginx', '/usr/bin/nginx')[0] or die "nginx is not installed\n";
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my $self = bless {
		folder => PostgreSQL::Test::Utils::tempdir(),
		url => "http://127.0.0.1:$port",
		http => HTTP::Tiny->new(max_redirect => 0, timeout => 60) }, $class;

	$self->_write_configuration($port, $rest->url =~ m{^http://(.*?)/?$});
	my $folder = $self->{folder};
	my $pid = fork // die "cannot fork: $!";
	if ($pid == 0)
	{
		open STDERR, '>', "$folder/nginx.err";
		exec $nginx, '-p', $folder, '-c', "$folder/nginx.conf", '-e', "$folder/nginx_error.log";
		exit 127;
	}
	$self->{pid} = $pid;
	$alive{$pid} = 1;
	$self->_wait_until_it_answers;
	return $self;
}

# The documents with this test's ports.
sub _write_configuration
{
	my ($self, $port, $server) = @_;
	my $documents = ($ENV{REPOSITORY} // '.') . '/doc';
	my $configuration = slurp_file("$documents/nginx.conf");

	$configuration =~ s/listen 127\.0\.0\.1:8080;/listen 127.0.0.1:$port;/ or die 'no listen';
	$configuration =~ s/server 127\.0\.0\.1:3000 max_fails=0;/server $server;/ or die 'no upstream';
	$configuration =~ s/^worker_processes auto;/worker_processes 1;\ndaemon off;/m or die 'no worker_processes';
	mkdir "$self->{folder}/nginx_temp";
	append_to_file("$self->{folder}/nginx.conf", $configuration);
	append_to_file("$self->{folder}/$_", slurp_file("$documents/$_")) foreach qw(forward.conf compatible.conf);
	return;
}

sub _wait_until_it_answers
{
	my ($self) = @_;

	foreach (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return if $self->request('GET', '/r/x')->{status} == 404;
		last if waitpid($self->{pid}, 1) != 0;
		select undef, undef, undef, 0.1;
	}
	die 'nginx does not answer: ' . slurp_file("$self->{folder}/nginx.err");
}

sub url { return $_[0]->{url}; }

sub request
{
	my ($self, $method, $path, $options) = @_;

	return $self->{http}->request($method, "$self->{url}$path", $options // {});
}

sub stop
{
	my ($self) = @_;

	return if !delete $alive{ $self->{pid} };
	local $?;
	kill 'QUIT', $self->{pid};
	waitpid $self->{pid}, 0;
	return;
}

sub logs
{
	my ($self) = @_;

	return join '', map { slurp_file("$self->{folder}/$_") } qw(nginx_access.log nginx_error.log);
}

# A server that ends with the test.
END
{
	local $?;
	kill 'KILL', keys %alive;
}

1;
