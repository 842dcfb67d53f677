package Appt::Cluster;

# A PostgreSQL::Test::Cluster with appt in it. Every method of that class works; these come on top.
#
#   my $node = Appt::Cluster->create('main');             # initialized, appt preloaded, started, extension created
#   Appt::Cluster->create('main', preload => 0);          # functions only, no worker
#     tcp       => 1     listens on 127.0.0.1 too ($node->port)
#     streaming => 1     ready for a standby (then: $node->backup, Appt::Cluster->new(..)->init_from_backup)
#     conf      => '..'  lines for postgresql.conf, last word
#     start     => 0     only initialized;  extension => 0: not created in database postgres

use strict;
use warnings;

use parent 'PostgreSQL::Test::Cluster';

use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

sub create
{
	my ($class, $name, %options) = @_;
	my %default = (preload => 1, tcp => 0, streaming => 0, conf => '', start => 1, extension => 1);
	foreach my $option (keys %options)
	{
		die "no such option of a cluster: $option" if !exists $default{$option};
	}
	my %chosen = (%default, %options);

	my $node = $class->new($name);
	$node->init(allows_streaming => $chosen{streaming});
	$node->append_conf('postgresql.conf', _settings(%chosen));
	return $node if !$chosen{start};
	$node->start;
	$node->install_appt if $chosen{extension};
	return $node;
}

sub _settings
{
	my (%chosen) = @_;
	my @lines = (
		# PostgreSQL's test clusters stay down after a crash and are tiny as primaries; appt's must not.
		'restart_after_crash = on', 'shared_buffers = 32MB', 'max_connections = 40', 'max_worker_processes = 24',
		# Peers of tests listen on the loopback.
		$chosen{preload} ? ("shared_preload_libraries = 'appt'", "appt.allowed_addresses = '127.0.0.0/8, ::1/128'") : ());

	# The sanitizers know nothing of code compiled at run time.
	push @lines, 'jit = off' if $ENV{APPT_SANITIZE};
	push @lines, "listen_addresses = '127.0.0.1'" if $chosen{tcp};
	return join("\n", @lines, $chosen{conf}) . "\n";
}

# CREATE EXTENSION in a database, which is created if need be.
sub install_appt
{
	my ($self, $database) = @_;

	$database //= 'postgres';
	if ($self->safe_psql('postgres', "SELECT count(*) FROM pg_database WHERE datname = '$database'") eq '0')
	{
		$self->safe_psql('postgres', "CREATE DATABASE \"$database\"");
	}
	$self->safe_psql($database, 'CREATE EXTENSION appt');
	return;
}

# Result of a query as psql -A -t prints it; dies on an error. Database postgres unless named.
sub query
{
	my ($self, $sql, $database) = @_;

	return $self->safe_psql($database // 'postgres', $sql);
}

# Waits until the query's result is $expected (default t); true if it came to that within $seconds (default 180).
# Without it tells what the result was instead.
sub wait_for_query
{
	my ($self, $sql, $expected, %options) = @_;
	my $until = time + ($options{seconds} // $PostgreSQL::Test::Utils::timeout_default);
	my $database = $options{database} // 'postgres';
	my ($output, $errors);

	$expected //= 't';
	while (1)
	{
		# A psql that can't connect may be gone before it is told the query (EPIPE).
		eval { $self->psql($database, $sql, stdout => \$output, stderr => \$errors); 1 } or $errors = $@;
		return 1 if ($output // '') eq $expected;
		last if time > $until;
		sleep 0.05;
	}
	diag("waited in vain for: $sql\nexpected: $expected\nlast result: " . ($output // '') . "\nerrors: " . ($errors // ''));
	return 0;
}

# A test: the statement is refused with this SQLSTATE.  Returns the whole error for a closer look.
sub refused_with
{
	my ($self, $sqlstate, $sql, $name, %options) = @_;
	my ($output, $errors);

	# psql shows the SQLSTATE with verbose errors.
	$self->psql(
		$options{database} // 'postgres', $sql,
		stdout => \$output,
		stderr => \$errors,
		on_error_die => 0,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	my ($found) = ($errors // '') =~ /(?:ERROR|FATAL):  ([0-9A-Z]{5}):/;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($found // "none ($output)", $sqlstate, $name) or diag($errors);
	return $errors;
}

# Where the server's log ends now: an argument of log_since and wait_for_log.
sub log_end
{
	my ($self) = @_;

	return -s $self->logfile // 0;
}

# What the log says from there on, all or the lines that match.
sub log_since
{
	my ($self, $offset, $pattern) = @_;
	my $text = slurp_file($self->logfile, $offset // 0);

	return $text if !defined $pattern;
	return grep { /$pattern/ } split /\n/, $text;
}

# Process ids of appt's workers, of one database or all, oldest first.
sub worker_pids
{
	my ($self, $database) = @_;
	my $where = defined $database ? "AND datname = '$database'" : '';

	return split /\n/,
		$self->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'appt worker' $where ORDER BY backend_start, pid");
}

# Waits for that many workers (default 1) in a database and returns their process ids.
sub wait_for_workers
{
	my ($self, $count, $database) = @_;

	$count //= 1;
	$database //= 'postgres';
	$self->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'appt worker' AND datname = '$database'", $count)
		or die "no $count worker(s) in $database";
	return $self->worker_pids($database);
}

# Kills processes of the server, and waits until it runs again: a query right behind the signal may still be answered by the old one.
sub kill_processes
{
	my ($self, @pids) = @_;
	my $offset = -s $self->logfile;

	kill 'KILL', @pids;
	$self->wait_for_log(qr/all server processes terminated; reinitializing/, $offset);
	return $self->wait_for_query('SELECT true');
}

# CPU seconds that a process has used so far.
sub cpu_seconds
{
	my ($self, $pid) = @_;
	my ($fields) = slurp_file("/proc/$pid/stat") =~ /\) (.*)/;
	my @field = split / /, $fields;

	# utime and stime, in ticks of 10 ms.
	return ($field[11] + $field[12]) / 100;
}

1;
