#!/usr/bin/env bash
# dl-commit: what came through a pipe is stored, and only that.
. tests/tap.sh

checkpoint() { # KEY POSITION
	printf '{"specversion":"1.0","id":"%s","source":"%s",' "$2" "$1"
	printf '"type":"dl.checkpoint"}\n'
}
at() { cat "$DL_HOME/commits/$1" 2>/dev/null; }
P=000000000000000000 # 18 digits: with two more it is an offset

status 0 'nothing on standard input' dl-commit </dev/null
is "$(ls "$DL_HOME/commits" 2>/dev/null)" '' 'and nothing is stored'

checkpoint stream.q.t ${P}10 | dl-commit
is "$(at stream.q.t)" ${P}10 'a position is stored'
(checkpoint stream.q.t ${P}10; checkpoint stream.q.t ${P}12) | dl-commit
is "$(at stream.q.t)" ${P}12 'the newest of several is stored'

checkpoint stream.q.t ${P}11 >"$T/in"
status 0 'an offset that another run has passed' dl-commit <"$T/in"
is "$(at stream.q.t)" ${P}12 'is passed over: it never moves backwards'
(checkpoint stream.q.t ${P}11; checkpoint stream.q.t ${P}13) | dl-commit
is "$(at stream.q.t)" ${P}13 'until it is further'

checkpoint source.s 01B >"$T/in"
checkpoint source.s 01A >>"$T/in"
status 0 'a source names its positions as it likes' dl-commit <"$T/in"
is "$(at source.s)" 01A 'the last one counts'

# What doesn't belong here.
printf '{"specversion":"1.0","id":"1","source":"s","type":"dl.record"}\n' \
	>"$T/in"
status 65 'an event is refused' dl-commit <"$T/in"
like "$(cat "$T/err")" '<stdin>:1: .*put a sink before dl-commit' \
	'and told what is missing'
printf 'x' >"$T/in"
status 65 'a torn line is refused' dl-commit <"$T/in"
printf '{}\n' >"$T/in"
status 65 'an object that is no event is refused' dl-commit <"$T/in"
(checkpoint a 1; checkpoint b 1) >"$T/in"
status 65 'two keys are refused' dl-commit <"$T/in"
for key in ../x .x a/b ''; do
	checkpoint "$key" 1 >"$T/in"
	status 65 "the key '$key' is refused" dl-commit <"$T/in"
done
checkpoint k 'a b' >"$T/in"
status 65 'a position with a space is refused' dl-commit <"$T/in"
is "$(cd "$DL_HOME/commits" && echo *)" \
	'source.s stream.q.t' 'none of these stored anything'

# Several branches: only what came out of all of them.
mkfifo "$T/one" "$T/two"
(checkpoint source.b 01; checkpoint source.b 02) >"$T/one" &
(checkpoint source.b 01; sleep 0.2; checkpoint source.b 02) >"$T/two" &
status 0 'two branches that end alike' dl-commit "$T/one" "$T/two"
is "$(at source.b)" 02 'their position is stored'
(checkpoint source.b 02; checkpoint source.b 03; checkpoint source.b 04) \
	>"$T/one" &
(checkpoint source.b 02; checkpoint source.b 03) >"$T/two" &
status 75 'a branch that ended early is told' dl-commit "$T/one" "$T/two"
like "$(cat "$T/err")" "two ended at '03' and .*one at '04'" 'by its name'
is "$(at source.b)" 03 'and the others wait for it'
checkpoint source.c 01 >"$T/one" &
: >"$T/two" &
status 75 'a branch that said nothing is told' dl-commit "$T/one" "$T/two"
is "$(at source.c)" '' 'and nothing is stored'

# A branch whose writer was killed before it opened its pipe.
mkfifo "$T/silent"
checkpoint source.d 01 >"$T/in"
status 75 'a pipe that nobody writes to is not waited for' \
	timeout 20 dl-commit - "$T/silent" <"$T/in"
like "$(cat "$T/err")" "silent ended at '' and <stdin> at '01'" 'and told'
(sleep 2.5; checkpoint source.d 01) >"$T/silent" &
status 0 'a branch that is slow is waited for' \
	timeout 20 dl-commit - "$T/silent" <"$T/in"
is "$(at source.d)" 01 'and what it says counts'

# Of two runs of a source the one that was overtaken.
U=01M83T2X9TA3A3MABHNRHMMNN # and one more
checkpoint source.e ${U}B | dl-commit
checkpoint source.e ${U}A | dl-commit
is "$? $(at source.e)" "0 ${U}B" "a source's late position is passed over"

# What a commit that was killed has left is used up by the next.
echo half >"$DL_HOME/commits/.source.e.tmp"
checkpoint source.e ${U}C | dl-commit
is "$(at source.e) $(find "$DL_HOME/commits" -name '*tmp*')" "${U}C " \
	'half of a file does not stay'

# Where it can't be stored.
status 75 'a closed standard input' bash -c 'dl-commit <&-'
checkpoint k 1 >"$T/in"
mkdir "$T/ro"
: >"$T/ro/commits"
status 78 'a home that is no directory' dl-commit -H "$T/ro" <"$T/in"
status 64 'too many operands' dl-commit 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17

done_testing
