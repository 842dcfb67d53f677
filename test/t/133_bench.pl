# The figures of `make bench` can be measured, and doc/performance.md names none that there is not.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;

my $root = $ENV{REPOSITORY} // '.';
my $folder = "$root/test/bench";
my @figures = map { slurp_file("$folder/run") =~ /^$_ = \((.*?)\)$/ms ? $1 =~ /"(\w+)"/g : () } qw(FIGURES LONG_FIGURES);

cmp_ok(scalar @figures, '>', 10, 'there are figures');
{
	my ($output, $errors) = run_command(
		[   'python3', '-c', 'import importlib, sys; sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]: importlib.import_module(name).measure',
			$folder, @figures ]);

	is($errors, '', 'each can be measured');
}

# What a figure is told, in its file or in one that it shares.
sub arguments
{
	my ($figure) = @_;

	my $text = slurp_file("$folder/$figure.py");
	my @shared = grep { -e "$folder/$_.py" } $text =~ /^from (\w+) import/mg;
	return map { $_ => 1 } map { slurp_file("$folder/$_.py") =~ /argument\("([A-Z]+)"/g } $figure, @shared;
}

my @commands = slurp_file("$root/doc/performance.md") =~ /^    (make bench\b.*)$/mg;
cmp_ok(scalar @commands, '>', 3, 'the document has commands');
foreach my $command (@commands)
{
	my ($given) = $command =~ /^make bench\s*(.*?)(?:\s{2,}.*)?$/;
	my %values = $given =~ /(\w+)=("[^"]*"|\S+)/g;
	my @only = (delete($values{ONLY}) // '') =~ /(\w+)/g;
	my $size = delete $values{SIZE} // 'small';

	is("@{[ grep { my $name = $_; !grep { $name eq $_ } @figures } @only ]}", '', "$command: its figures exist");
	is($size, 'small', "$command: its size exists");
	foreach my $figure (@only)
	{
		my %known = arguments($figure);
		is("@{[ grep { !$known{$_} } sort keys %values ]}", '', "$command: $figure takes its arguments");
	}
}

# One that needs neither a network nor minutes, from beginning to end.
{
	local @ENV{qw(ONLY SIZE CALLS)} = qw(render small 100);
	my ($output, $errors) = run_command([ 'python3', "$folder/run" ]);

	like($output, qr/^ +(?:PASS|MISS)  render_template.*\n.*\n\n[01] figures hold, [01] missed$/m, 'a figure is measured') or diag($errors);
}

done_testing();
