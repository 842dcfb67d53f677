package Appt::Browser;

# Headless Chromium, driven by test/peers/browser.js, whose head says what a script has and what comes back.
#
#   my $browser = Appt::Browser->start;
#   my $seen = $browser->run(<<'SCRIPT', url => $rest->url . '/rpc/console', width => 360, scheme => 'dark', javascript => 0);
#       await page.click('text=Accept');
#       await shot('landing-360-dark');               // build/screenshots/landing-360-dark.png
#       return {title: await page.title(), violations: await axe()};
#   SCRIPT
#   $seen->{value}{title};  $seen->{error}, {requests}, {messages}, {dialogs}, {downloads}
#   $browser->strangers($seen, $rest->url)             # requests that went to another origin than that
#   $browser->stop;                                    # also done at the end
#
# Each run has cookies and storage of its own. Options that are left out: 1280 x 800, light, with JavaScript, en-GB, UTC.
# More go to the script as they are, as options.NAME.

use strict;
use warnings;

use Carp;
use File::Basename qw(dirname);
use IPC::Open2 qw(open2);
use JSON::PP;
use PostgreSQL::Test::Utils;

my $program = dirname(__FILE__) . '/../../../peers/browser.js';
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my %alive;

sub start
{
	my ($class) = @_;
	my $self = bless {}, $class;

	local $ENV{NODE_PATH} = ($ENV{REPOSITORY} // '.') . '/build/node_modules';
	local $ENV{SCREENSHOTS} = $class->screenshots;
	# Chromium keeps its profile and its sockets there; paths of sockets are short.
	local $ENV{TMPDIR} = PostgreSQL::Test::Utils::tempdir_short();
	$self->{pid} = open2($self->{output}, $self->{input}, 'node', $program);
	$alive{ $self->{pid} } = $self;
	my $line = readline $self->{output} // croak 'node or Chromium does not start';
	$self->{version} = $json->decode($line)->{version};
	return $self;
}

# Where pictures go; scripts/staged takes them to build/screenshots.
sub screenshots { return ($ENV{APPT_RUN} // 'build') . '/screenshots'; }

sub version { return $_[0]->{version}; }

sub run
{
	my ($self, $script, %options) = @_;

	$self->{input}->printflush($json->encode({ script => $script, options => {%options} }) . "\n");
	my $line = readline $self->{output} // croak 'the browser is gone';
	return $json->decode($line);
}

# Requests over the network that did not stay with an origin.
sub strangers
{
	my ($self, $seen, $origin) = @_;

	return map { "$_->{method} $_->{url}" }
		grep { $_->{origin} !~ /^(?:data|blob|about|chrome-error):$/ && $_->{origin} ne $origin && ($_->{failure} // '') !~ /csp/i }
		@{ $seen->{requests} };
}

sub stop
{
	my ($self) = @_;

	return if !delete $alive{ $self->{pid} };
	local $?;
	close $self->{input};
	waitpid $self->{pid}, 0;
	return;
}

END
{
	local $?;
	kill 'TERM', keys %alive if %alive;
}

1;
