package Appt::Examples;

# The curl lines of doc/rest.md as requests. Above each stands the status that it is answered with.
#
#   foreach my $example (Appt::Examples->of("$root/doc/rest.md"))
#   {
#       $example->{status}, {line}, {block}               200, the whole curl line, the number of its block of lines
#       my $request = $example->request(\%variables);     { method, path, query => {..}, headers => {..}, body => '..' }
#   }
#
# $request->{path} is without $API, {who} the variable of its token (AGENT, ..), which must be given as 'Authorization: ..'.

use strict;
use warnings;

use Carp;
use PostgreSQL::Test::Utils;
use Text::ParseWords qw(shellwords);

sub of
{
	my ($class, $file) = @_;
	my $text = slurp_file($file);
	my @examples;

	my $block = 0;
	while ($text =~ /^```sh\n(.*?)^```$/msg)
	{
		my $lines = $1;
		push @examples, bless { block => $block, status => $1, line => $2 }, $class while $lines =~ /^# (\d{3})\b.*\n(curl .*)$/mg;
		$block++;
	}
	my $lines = () = $text =~ /^curl /mg;
	croak "$file has $lines curl lines, of which " . @examples . ' have a status' if $lines != @examples;
	return @examples;
}

# The variables that an example names.
sub variables
{
	my ($self) = @_;

	return $self->{line} =~ /\$([A-Z_]+)/g;
}

sub who
{
	my ($self) = @_;

	return $self->{line} =~ /-H "\$([A-Z]+)"/ ? $1 : undef;
}

sub request
{
	my ($self, $variables) = @_;
	my $line = $self->{line} =~ s/\$([A-Z_]+)/$variables->{$1} \/\/ croak "no variable $1 for: $self->{line}"/ger;
	my ($program, @words) = shellwords($line);
	my %request = (headers => {}, query => {});
	my ($in_query, @data);

	while (defined(my $word = shift @words))
	{
		if ($word eq '-G') { $in_query = 1; }
		elsif ($word eq '-X') { $request{method} = shift @words; }
		elsif ($word eq '-H') { my ($name, $value) = split /: /, shift @words, 2; $request{headers}{$name} = $value; }
		elsif ($word eq '-d' || $word eq '--data-urlencode') { push @data, shift @words; }
		elsif ($word eq '--json')
		{
			$request{body} = shift @words;
			$request{headers}{'Content-Type'} = $request{headers}{Accept} = 'application/json';
		}
		elsif ($word =~ /^-/) { croak "unknown option $word: $line"; }
		else { $request{path} = $word; }
	}
	croak "data, but no -G: $line" if @data && !$in_query;
	$request{method} //= defined $request{body} ? 'POST' : 'GET';
	$request{headers}{Accept} //= '*/*';
	$request{path} =~ s/^\Q$variables->{API}\E// or croak "not to \$API: $line";
	my ($path, $query) = split /\?/, $request{path}, 2;
	foreach my $pair (split(/&/, $query // ''), @data)
	{
		my ($name, $value) = split /=/, $pair, 2;
		$request{query}{$name} = $value;
	}
	$request{path} = $path;
	return \%request;
}

1;
