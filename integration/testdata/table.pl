# Asks smtpd for the keys of tables of type file:. The folder has files named by numbers, and for
# each N a file N.keys with the keys to ask for, one a line. It prints
#   load N 0|1          smtpd starts with the table
#   reply N KEY CODE    the answer to RCPT
#   value N KEY VALUE   what the table gave
use strict; use IO::Socket;
my ($dir, $addr) = @ARGV; chdir $dir or die; $| = 1;
my @good;
sub conf { my $text = "listen on $addr port 2577\n"; my $rules = '';
  for my $n (@_) { $text = "table a$n file:$dir/$n\n" . $text; $rules .= "action \"x$n\" mbox alias <a$n>\nmatch from any for domain \"d$n.test\" action \"x$n\"\n" }
  open my $f, '>', "conf" or die; print $f $text . $rules; close $f; }
for my $n (sort { $a <=> $b } grep { /^\d+$/ } map { s/.keys$//r } glob '*.keys') {
  conf($n); my $ok = system("smtpd -n -f conf >/dev/null 2>&1") == 0 ? 1 : 0;
  print "load $n $ok\n"; push @good, $n if $ok; }
exit unless @good;
conf(@good);
mkdir '/var/spool/smtpd'; chmod 0711, '/var/spool/smtpd';
my $pid = fork // die;
if (!$pid) { open STDOUT, '>', 'log'; open STDERR, '>&STDOUT'; exec 'smtpd', '-d', '-f', 'conf', '-T', 'lookup' }
for my $n (@good) {
  open my $k, '<', "$n.keys" or die; chomp(my @keys = <$k>);
  my $s; for (1 .. 100) { $s = IO::Socket::INET->new("$addr:2577") and last; select undef, undef, undef, 0.1 }
  die "no connection: " . `cat log` unless $s;
  my $ask = sub { print $s "$_[0]\r\n" if defined $_[0]; my $l; do { $l = <$s> // '' } while $l =~ /^\d{3}-/; substr $l, 0, 3 };
  $ask->(); $ask->('EHLO x');
  for my $key (@keys) { $ask->('MAIL FROM:<>'); print "reply $n $key ", $ask->("RCPT TO:<$key\@d$n.test>"), "\n"; $ask->('RSET') }
  print $s "QUIT\r\n"; }
kill 'TERM', $pid; waitpid $pid, 0;
open my $l, '<', 'log' or die;
while (<$l>) { print "value $2 $1 $3\n" if /^lookup: lookup "(.*?)" as alias in table static:a(\d+) -> "(.*)"$/i }
