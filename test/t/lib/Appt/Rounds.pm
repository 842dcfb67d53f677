package Appt::Rounds;

# Promises about time, tested on a machine that may be busy: a test passes if one of several rounds is right.
# A real defect shows in every round, a busy machine only in some.
#
#   my @found = in_rounds(sub { my ($round) = @_; ...; return @measured }, sub { is it right? with @_ });
#   my @found = in_rounds(sub { my ($round, $seconds) = @_; ... }, sub { ... }, 2, 10, 30);      # more time in each
#
# Both return what was measured in the first round that was right, or in the last.

use strict;
use warnings;

use Exporter qw(import);
use Test::More ();

our @EXPORT = qw(in_rounds);

sub in_rounds
{
	my ($measure, $is_right, @seconds) = @_;
	my $rounds = @seconds || 5;
	my @measured;

	foreach my $round (1 .. $rounds)
	{
		@measured = $measure->($round, $seconds[ $round - 1 ]);
		last if $is_right->(@measured);
		Test::More::note("round $round of $rounds was not right") if $round < $rounds;
	}
	return wantarray ? @measured : $measured[0];
}

1;
