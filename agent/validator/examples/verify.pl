# Ask with Perl; SERVICE, KEY, TOKEN and CHALLENGE come from the environment.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

# region: perl
my $answer = HTTP::Tiny->new(timeout => 10)->post("$ENV{SERVICE}/v1/login/verify", {
    headers => {"Content-Type" => "application/json", "Authorization" => "Bearer $ENV{KEY}"},
    content => encode_json({token => $ENV{TOKEN}, challenge => $ENV{CHALLENGE}}),
});
die "no verdict: $answer->{status}\n" if $answer->{status} != 200;
my $found = decode_json($answer->{content});
die "refused: $found->{code}\n" if $found->{verdict} ne "accepted";
my $holder = $found->{login}{holder};
# endregion: perl
binmode STDOUT, ":encoding(UTF-8)";
print "$holder->{subject_serial}\n";
