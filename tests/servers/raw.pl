#!/usr/bin/perl
# raw.pl PORT PART... - send bytes, and tell what comes back.
#
# A part is sent as it is, with \r \n \0 \t \xHH unescaped and {text*N} repeated; or
# is one of: "sleep S", "eof" (close our side), "wait TEXT" (until it has come),
# "drip S TEXT" (a byte each S seconds, until the other side closes).
# Prints the status lines and the last line of the answers, then open, closed or
# reset, with the seconds it took where RAW_TIME is set.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);

my ($port, @parts) = @ARGV;
my $begin = time;
my $s = IO::Socket::INET->new(
	PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp')
	or die "raw.pl: $!\n";
my $select = IO::Select->new($s);
my ($got, $end) = ('', '');
$SIG{PIPE} = 'IGNORE';

sub take {
	my ($seconds) = @_;
	return 0 unless $end eq '' && $select->can_read($seconds);
	my $n = sysread $s, my $bytes, 65536;
	if (!defined $n) {
		$end = 'reset';
	} elsif ($n == 0) {
		$end = 'closed';
	} else {
		$got .= $bytes;
	}
	return $end eq '';
}

sub plain {
	my ($text) = @_;
	my %byte = (r => "\r", n => "\n", 0 => "\0", t => "\t");
	$text =~ s/\\([rn0t])/$byte{$1}/g;
	$text =~ s/\\x([0-9a-f]{2})/chr hex $1/ge;
	$text =~ s/\{(.+?)\*(\d+)\}/$1 x $2/gse;
	return $text;
}

for my $part (@parts) {
	if ($part =~ /^sleep (.*)/) {
		sleep $1;
	} elsif ($part eq 'eof') {
		shutdown $s, 1;
	} elsif ($part =~ /^wait (.*)/) {
		my $until = time + 10;
		take(0.1) while index($got, $1) < 0 && $end eq '' && time < $until;
	} elsif ($part =~ /^drip (\S+) (.*)/) {
		for my $byte (split //, plain($2)) {
			last unless $end eq '' && defined syswrite $s, $byte;
			my $until = time + $1;
			while ((my $left = $until - time) > 0 && $end eq '') {
				take($left);
			}
		}
	} else {
		my $bytes = plain($part);
		while (length $bytes && $end eq '') {
			my $n = syswrite $s, $bytes;
			last unless defined $n;
			$bytes = substr $bytes, $n;
		}
	}
}
# Nothing more for this long, or something for ten times as long: it stays open.
my $quiet = $ENV{RAW_QUIET} // 0.1;
take(5) if $got eq '';
my $until = time + 10 * $quiet;
1 while time < $until && take($quiet);
$got =~ s/\r//g;
print "$_\n" for $got =~ m{^HTTP/1\.1 (\d+)}mg;
my $last = substr $got, rindex($got, "\n", length($got) - 2) + 1;
chomp $last;
print substr($last, 0, 2000), "\n" if $last ne '';
printf "%s%s\n", $end eq '' ? 'open' : $end,
	$ENV{RAW_TIME} ? sprintf(' %.1f', time - $begin) : '';
