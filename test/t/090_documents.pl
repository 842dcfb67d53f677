# Every SQL example of README.md and doc/*.md runs: the README's first, and in the same session those of the others, which use
# its variables (:'application', :'appointment').

use strict;
use warnings;

use Appt::Cluster;
use PostgreSQL::Test::Utils;
use File::Basename qw(basename);
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
my $node = Appt::Cluster->create('main', extension => 0);
my ($output, $errors);

my $status = $node->psql(
	'postgres',
	join("\n", map { examples("$root/$_") } qw(README.md doc/reference.md doc/operations.md doc/rest.md)),
	stdout => \$output,
	stderr => \$errors,
	on_error_stop => 1);
is($errors, '', 'no example complains') or diag($output);
is($status, 0, 'every example runs');

like($output, qr/CREATE\|EMAIL\|bobby\@customer\.example/, 'and the log of the first appointment has its confirmation');
$node->stop;
done_testing();
