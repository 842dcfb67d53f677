package Appt::Document;

# SQL of the pages in doc/, which tests execute as it stands there.
#
#   $node->query(documented('shards.md', 'CREATE ROLE router_tokens'), 'shard0');     # the indented block that begins so

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Utils;

our @EXPORT = qw(documented);

sub documented
{
	my ($page, $beginning) = @_;
	my ($block) = slurp_file(($ENV{REPOSITORY} // '.') . "/doc/$page") =~ /^((?: {4}\Q$beginning\E.*\n)(?: {4}.*\n)*)/m
		or die "doc/$page has no \"$beginning\"\n";

	return $block =~ s/^ {4}//gmr;
}

1;
