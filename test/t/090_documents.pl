# The documents hold: every SQL example of README.md and doc/*.md runs, the README's first, and in the same session those of the
# others, which use its variables (:'application', :'appointment'). Every public name is documented, and no link is broken.

use strict;
use warnings;

use Appt::Cluster;
use PostgreSQL::Test::Utils;
use File::Basename qw(basename dirname);
use Test::More;

# The ```sql blocks of a file, joined.
sub examples
{
	my ($file) = @_;
	my @blocks = slurp_file($file) =~ /^```sql\n(.*?)^```$/msg;

	cmp_ok(scalar @blocks, q(>), 0, basename($file) . " has examples");
	return join "\n", map { "\\echo in @{[ basename($file) ]}\n$_" } @blocks;
}

my $root = $ENV{REPOSITORY} // '.';
# The examples name real providers: nothing may be sent.
my $node = Appt::Cluster->create('main', extension => 0, conf => 'appt.enabled = off');
my ($output, $errors);

my $status = $node->psql(
	'postgres',
	join("\n", map { examples("$root/$_") } qw(README.md doc/reference.md doc/operations.md doc/rest.md doc/shards.md doc/meeting_templates.md)),
	stdout => \$output,
	stderr => \$errors,
	on_error_stop => 1);
is($errors, '', 'no example complains') or diag($output);
is($status, 0, 'every example runs');

like($output, qr/CREATE\|EMAIL\|bobby\@customer\.example/, 'and the log of the first appointment has its confirmation');

# The log that the README shows is what the examples produce, except for times and states.
sub planned
{
	return join "\n", map { /^ *([A-Z]+) *\| *([A-Z]+) *\| *([^ |]*) *\| *\d{4}-/ ? "$1 $2 $3" : () } split /\n/, $_[0];
}
my ($shown) = slurp_file("$root/README.md") =~ /^```\n( +type +\|.*?)^```$/ms;
my ($first) = $output =~ /^((?:[A-Z]+\|[A-Z]+\|[^|\n]*\|\d{4}-.*\n)+)/m;
is(scalar(() = planned($shown) =~ /^[A-Z]/mg), 4, 'four messages are shown');
is(planned($first), planned($shown), 'and those were owed');

# The page for people who set up meeting templates shows what its examples answer, table by table and in this order.
{
	my ($answers) = $output =~ /^in meeting_templates\.md\n(.*)/ms;

	foreach my $table (slurp_file("$root/doc/meeting_templates.md") =~ /^```\n( [^\n]+\n-[-+]+\n.*?)^```$/msg)
	{
		my (undef, undef, @rows) = map {
			join '|', map { s/^ +| +$//gr } split /\|/, $_, -1
		} split /\n/, $table;

		cmp_ok(scalar @rows, '>', 0, 'a table has rows') or diag($answers);
		foreach my $row (@rows)
		{
			ok($answers =~ s/\A.*?^\Q$row\E\n//ms, "the answer is $row") or diag($answers);
		}
	}
}

# What that page says beside its examples. $viewing is its meeting template, $visit its appointment, which was reopened.
{
	my ($viewing, $visit, $of) = split /\|/, $node->query(
		"SELECT t.id, a.id, t.application_id FROM appt.meeting_template t JOIN appt.appointment a ON a.meeting_template_id = t.id
			WHERE t.name = 'Viewing'");
	my $schedule =
		"SELECT title, end_at - start_at FROM appt.schedule_appointment('$of', '2097-07-01 10:00+00', NULL, organizer_id => 'agent-7',
		meeting_template_id => '$viewing'";
	my $change = "UPDATE appt.meeting_template SET require_location = false WHERE id = '$viewing'; UPDATE appt.meeting_template SET";
	my $shows_link =
		"SELECT text_body ~ 'landing_page.token=.token:respond.' FROM appt.notification_dialog('$visit', 'CONFIRMATION_REQUEST')";

	foreach my $claim (
		[ 'a title of its own wins', "$schedule, title => 'A special viewing')", qr/^A special viewing\|00:30:00$/ ],
		[ 'a location can be required', "$change require_location = true WHERE id = '$viewing'; $schedule)", qr/ERROR:  22023/ ],
		[ 'with one it is scheduled', "$schedule, location => '5 Harbour Road')" =~ s/07-01/07-02/r, qr/^NEW: Viewing, 5 Harbour Road/ ],
		[ 'one that is not active is given to none', "$change active = false WHERE id = '$viewing'; $schedule)", qr/ERROR:  22023/ ],
		[ 'those that have it keep it', "SELECT booking_state FROM appt.get_appointment('$visit')", qr/^NEW$/ ],
		[ 'an update that is not due is refused', "SELECT FROM appt.send_notification('$visit', 'RESCHEDULE')", qr/ERROR:  PT409: .*\n/ ],
		[   'so is a cancellation that is not confirmed, saying how many would go',
			"SELECT FROM appt.send_notification('$visit', 'CANCELLED')",
			qr/ERROR:  PT409: .*HINT:.* 1 by EMAIL and 1 by SMS would go to 1 customers/s ],
		[   'a channel that the rule does not allow is refused',
			"UPDATE appt.rule SET channel = 'EMAIL' WHERE meeting_template_id = '$viewing' AND type = 'CREATE';
			SELECT FROM appt.send_notification('$visit', 'CREATE', 'SMS')",
			qr/ERROR:  22023/ ],
		[   'a second click sends nothing more',
			"SELECT FROM appt.send_notification('$visit', 'CREATE'); SELECT FROM appt.send_notification('$visit', 'CREATE');
			SELECT count(*) FROM appt.notification WHERE appointment_id = '$visit' AND type = 'CREATE' AND state = 'PENDING'
				AND recipient_kind = 'CUSTOMER'",
			qr/^1$/m ],
		[   'STOP is no reply code',
			"UPDATE appt.rule SET reply_codes = '{\"Stop\": \"ACCEPT\"}' WHERE meeting_template_id = '$viewing'",
			qr/ERROR:  22023/ ],
		[ 'links have no working token for people', $shows_link, qr/^t$/ ],
		[ 'without public_url there are none', "UPDATE appt.application SET public_url = NULL WHERE id = '$of'; $shows_link", qr/^f$/ ])
	{
		my ($what, $sql, $expected) = @$claim;
		my ($answer, $refusal) = ('', '');

		$node->psql('postgres', "\\set VERBOSITY verbose\n$sql;", stdout => \$answer, stderr => \$refusal);
		like("$answer$refusal", $expected, $what);
	}
}

# An application's login, as the README makes it.
my ($grant) = slurp_file("$root/README.md") =~ /^ +(GRANT appt_service TO my_application;)$/m;
$node->query("CREATE ROLE my_application LOGIN; $grant");
like(
	$node->query('SET SESSION AUTHORIZATION my_application; SELECT count(*) FROM appt.notification_log, appt.create_organization($$x$$)'),
	qr/^\d+$/, 'an SQL application is let in');

# Every public name is in the document where people look for it.
foreach my $promise (
	[ 'doc/operations.md', 'reason', 'SELECT reason FROM appt.reason' ],
	[ 'doc/reference.md', 'reason', 'SELECT reason FROM appt.reason' ],
	[ 'doc/reference.md', 'type', 'SELECT type FROM appt.notification_type' ],
	[ 'doc/reference.md', 'setting', q(SELECT name FROM pg_settings WHERE name LIKE 'appt.%') ],
	[   'doc/reference.md',
		'setting of an application',
		q(SELECT attname FROM pg_attribute WHERE attrelid = 'appt.application'::regclass
			AND has_column_privilege('appt_admin', attrelid, attnum, 'UPDATE') AND attname <> 'name')
	],
	[   'doc/reference.md', 'relation',
		q(SELECT relname FROM pg_class WHERE relnamespace = 'appt'::regnamespace AND relkind IN ('r', 'v')) ],
	[ 'doc/reference.md', 'role', q(SELECT rolname FROM pg_roles WHERE rolname LIKE 'appt\_%') ],
	# Functions for users, not those for policies, constraints, generated columns and views.
	[   'doc/reference.md', 'function',
		q(SELECT proname FROM pg_proc WHERE pronamespace = 'appt'::regnamespace AND has_function_privilege('appt_service', oid, 'EXECUTE')
		AND proname !~ '_(is|are)_valid$' AND proname NOT IN ('due_notifications', 'duration_class', 'notification_types', 'reasons')) ])
{
	my ($file, $kind, $query) = @$promise;
	my $text = slurp_file("$root/$file");
	my @names = split /\n/, $node->query($query);
	my @untold = grep { $text !~ /(?<![a-z_.])\Q$_\E(?![a-z_])/ } @names;
	cmp_ok(scalar @names, '>', 2, "there is more than one $kind");
	is("@untold", '', "$file tells of every $kind");
}

# Headings as their links name them.
sub anchors
{
	return { map { (lc =~ s/[^\w\- ]//gr =~ s/ /-/gr) => 1 } slurp_file($_[0]) =~ /^#+ +(.*)$/mg };
}

foreach my $file (map { glob("$root/$_") } qw(README.md CONTRIBUTING.md */README.md src/*/README.md doc/*.md))
{
	my @links = slurp_file($file) =~ /\]\((?!https?:)([^)\s]+)\)/g;
	my @broken = grep {
		my ($path, $anchor) = split /#/, $_, 2;
		my $target = $path eq '' ? $file : dirname($file) . "/$path";
		!-e $target || defined $anchor && !anchors($target)->{$anchor}
	} @links;
	is("@broken", '', $file =~ s/^\Q$root\E\///r . ': ' . @links . ' links lead somewhere');
}

# Files, folders and goals of make that the page for newcomers names exist.
{
	my $text = slurp_file("$root/CONTRIBUTING.md");
	my @paths = $text =~ /`((?:src|sql|test|scripts|doc|build)\/[\w.\/]+|\.\w{4,}|[A-Z]+\.\w+)`/g;
	my @missing = grep { !-e "$root/$_" && $_ !~ m{^build/} } map { s/^sql\/$//r } @paths;
	cmp_ok(scalar @paths, '>', 10, 'CONTRIBUTING.md names files');
	is("@missing", '', 'which are all there');
	my $makefile = slurp_file("$root/Makefile");
	my @goals = $text =~ /\bmake ([a-z]+)\b/g;
	is(join(' ', grep { $_ !~ /^(?:clean|install)$/ && $makefile !~ /^$_:/m } @goals), '', 'and the goals of make');
}
$node->stop;
done_testing();
