package Appt::Document;

# SQL of the pages in doc/, which tests execute as it stands there.
#
#   $node->query(documented('shards.md', 'CREATE ROLE router_tokens'), 'shard0');     # the indented block that begins so
#   $node->query(example('rest.md', 'CREATE ROLE authenticator'));                    # the ```sql block that begins so

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(documented example);

sub documented
{
	my ($page, $beginning) = @_;

	return find($page, qr/^((?: {4}\Q$beginning\E.*\n)(?: {4}.*\n)*)/m, $beginning) =~ s/^ {4}//gmr;
}

sub example
{
	my ($page, $beginning) = @_;

	return find($page, qr/^```sql\n(\Q$beginning\E.*?)^```$/ms, $beginning);
}

sub find
{
	my ($page, $pattern, $beginning) = @_;
	my ($block) = slurp_file(($ENV{REPOSITORY} // '.') . "/doc/$page") =~ $pattern
		or die "doc/$page has no \"$beginning\"\n";

	return $block;
}

1;
