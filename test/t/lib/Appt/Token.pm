package Appt::Token;

# Callers by token: claims by role, and the JSON Web Token that holds them.
#
#   my $claims = Appt::Token::claims('AG', sub => 'ann', application_id => $id);     # { role => 'appt_agent', ... }
#   my $text = Appt::Token::sign($claims, $secret);                                  # HS256
#   $Appt::Token::role{AG}                                                           # appt_agent

use strict;
use warnings;

use Digest::SHA qw(hmac_sha256);
use JSON::PP;
use MIME::Base64 qw(encode_base64url);

our %role = (
	AG => 'appt_agent',
	SU => 'appt_supervisor',
	CS => 'appt_client_service',
	CU => 'appt_customer',
	AD => 'appt_admin',
	AN => 'appt_anonymous');

my $json = JSON::PP->new->utf8->canonical;

sub claims
{
	my ($initials, %claims) = @_;

	return { %claims, role => $role{$initials} };
}

sub sign
{
	my ($claims, $secret, %header) = @_;
	my $signed = join '.', map { encode_base64url($json->encode($_)) }{ alg => 'HS256', typ => 'JWT', %header }, $claims;

	return $signed . '.' . encode_base64url(hmac_sha256($signed, $secret));
}

1;
