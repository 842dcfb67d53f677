# doc/monitoring works as the manual says: each query, run by a member of pg_monitor without other
# privileges, returns the columns of its metrics; if Prometheus' own programs are in PATH, they read it too.
use strict;
use warnings;

use Appt::Cluster;
use Appt::Peers;
use Appt::Tenant;
use IPC::Run;
use JSON::PP qw(decode_json);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $folder = ($ENV{REPOSITORY} // '.') . '/doc/monitoring';
my $node = Appt::Cluster->create('main');
my $hook = Appt::Peers->webhook;
my $tenant = Appt::Tenant->create($node);

$tenant->only('CREATE', 'WEBHOOK');
$tenant->rule('CREATE', 'EMAIL');
$tenant->subscribe($hook->url('/ok'));
$tenant->subscribe($hook->url('/status/404'));
$tenant->schedule;
$tenant->settled;
$node->query(q{CREATE ROLE exporter LOGIN IN ROLE pg_monitor});

# A query's column names and rows, as that role.
sub ask
{
	my ($sql) = @_;
	my ($output, $errors);

	$node->psql(
		'postgres', $sql,
		stdout => \$output,
		stderr => \$errors,
		on_error_die => 0,
		extra_params => [ '-U', 'exporter', '-P', 'tuples_only=off', '-P', 'footer=off' ]);
	return ($errors, map { [ split /\|/, $_, -1 ] } split /\n/, $output // '');
}

# A file, by a YAML parser of somebody else.
sub read_yaml
{
	my ($name) = @_;

	return decode_json(
		`/usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)' '$folder/$name.yaml'`);
}

my $queries = read_yaml('postgres_exporter');
# Those of a router: 161_shard_status.pl runs the query.
my %metrics = map { ("appt_shard_$_" => 1) } map { keys %$_ } @{ read_yaml('router_exporter')->{appt_shard}{metrics} };

foreach my $name (sort keys %$queries)
{
	my @metrics = map { keys %$_ } @{ $queries->{$name}{metrics} };
	my ($errors, $columns, @rows) = ask($queries->{$name}{query});

	is($errors, '', "$name: its query runs for a monitor");
	is_deeply([ sort @{ $columns // [] } ], [ sort @metrics ], "$name: its columns are its metrics");
	$metrics{"${name}_$_"} = 1 foreach @metrics;
	next if $name =~ /reason|waiting/;
	cmp_ok(scalar @rows, '>', 0, "$name: there is something to tell");
}
my ($errors, undef, @rows) = ask($queries->{appt_notifications}{query});
is_deeply(
	[ map { "@$_[2 .. 5]" } grep { $_->[5] } sort { "@$a" cmp "@$b" } @rows ],
	[ 'CREATE EMAIL SKIPPED 1', 'CREATE WEBHOOK FAILED 1', 'CREATE WEBHOOK SENT 1' ],
	'what became of the messages');

# The dashboard uses existing metrics, and the queries of its tables run.
my $dashboard = decode_json(slurp_file("$folder/grafana.json"));
foreach my $panel (@{ $dashboard->{panels} })
{
	foreach my $target (@{ $panel->{targets} })
	{
		if (defined $target->{rawSql})
		{
			my ($errors) = ask($target->{rawSql});
			is($errors, '', "the table \"$panel->{title}\" runs");
		}
		else
		{
			is_deeply([ grep { !$metrics{$_} } $target->{expr} =~ /\b(appt_\w+)/g ],
				[], "\"$panel->{title}\" shows metrics that there are");
		}
	}
}
is_deeply([ grep { !$metrics{$_} } slurp_file("$folder/alerts.yaml") =~ /\b(appt_(?!s\b)\w+)(?=[{ ])/g ],
	[], 'alerts are about metrics that there are');

# A monitoring role sees numbers, but no recipients.
foreach my $secret (qw(appointment participant room_access notification_log organization subscription provider secret))
{
	like((ask("SELECT * FROM appt.$secret"))[0], qr/permission denied/, "no $secret for a monitor");
}
like((ask('SELECT address, title FROM appt.notification'))[0], qr/permission denied/, 'nor addresses and titles');

SKIP:
{
	skip 'skipped: no promtool in PATH', 1 if system('sh', '-c', 'command -v promtool >/dev/null') != 0;
	is(system("promtool check rules '$folder/alerts.yaml' >/dev/null"), 0, 'promtool takes the alerts');
}

SKIP:
{
	skip 'skipped: no prometheus-postgres-exporter in PATH', 2
		if system('sh', '-c', 'command -v prometheus-postgres-exporter >/dev/null') != 0;
	my $port = PostgreSQL::Test::Cluster::get_free_port();
	my ($output, $text) = ('', '');
	local $ENV{DATA_SOURCE_NAME} = 'user=exporter dbname=postgres host=' . $node->host . ' port=' . $node->port . ' sslmode=disable';
	my $exporter = IPC::Run::start(
		[ 'prometheus-postgres-exporter', "--web.listen-address=127.0.0.1:$port", "--extend.query-path=$folder/postgres_exporter.yaml" ],
		'>&', \$output);
	my $until = time + $PostgreSQL::Test::Utils::timeout_default;

	while (time < $until && $text !~ /appt_notifications_messages/)
	{
		$text =
			`/usr/bin/python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1:$port/metrics").read().decode())' 2>/dev/null`;
		sleep 0.2 if !$text;
	}
	$exporter->signal('TERM');
	eval { $exporter->finish };
	like($text, qr/^appt_notifications_messages\{.*channel="WEBHOOK".*state="SENT".*\} 1$/m, 'the exporter shows what was sent');
	like($text, qr/^appt_worker_up\{.*slot="1"\} 1$/m, 'and that the worker runs');
}

$node->stop;
done_testing();
