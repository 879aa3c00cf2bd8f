#!/usr/bin/env bash
# dl-secret: what is put comes back, to who has the key and to nobody else,
# whatever is killed meanwhile.
# shellcheck disable=SC2016 # it is for the shell of --key-command
. tests/tap.sh

put() { printf '%s\n' "$2" | dl-secret put "$1" "${@:3}"; }
# What get prints, and its status.
got() { dl-secret get "$@" 2>"$T/err"; echo " $?"; }
S=$DL_HOME/secrets
K=$DL_HOME/keys/master

# Values and versions
status 1 'nothing yet' dl-secret get db
status 0 'nothing to list' dl-secret ls
is "$(cat "$T/out")" '' 'and nothing is listed'
is "$([ -e "$DL_HOME" ] || echo no)" no 'to ask makes nothing'
put db hunter2
is $? 0 'put'
is "$(got db)" 'hunter2 0' 'get, without the newline that was put'
is "$(stat -c %a "$K" "$DL_HOME/keys" | xargs)" '600 700' \
	'the key is for its owner alone'
put db hunter3
is "$(got db)" 'hunter3 0' 'the newest version'
is "$(got --number 1 db)" 'hunter2 0' 'and the one before'
is "$(got --number 3 db)" ' 1' 'there is no third'
put db hunter3
is "$(dl-secret ls | jq -c '[.versions[].version]')" '[1,2]' \
	'what is there already is no new version'
printf 'a\n\n' | dl-secret put lines
is "$(got lines | od -An -c | tr -s ' ')" ' a \n 0 \n' 'one newline is taken off'
printf 'a\n' | dl-secret put --raw raw
is "$(got raw | od -An -c | tr -s ' ')" ' a \n 0 \n' 'with --raw none'
head -c 65536 /dev/urandom >"$T/big"
dl-secret put --raw big <"$T/big"
is $? 0 'the largest there can be, of any bytes'
is "$(dl-secret get big | cmp - "$T/big" && echo same)" same 'comes back'
(cat "$T/big"; echo) >"$T/bigger"
dl-secret put --raw big <"$T/bigger" 2>"$T/err"
is $? 65 'one byte more is refused'
is "$(cat "$T/err")" 'dl-secret: a secret is at most 65536 bytes long' \
	'and why'
dl-secret put big <"$T/bigger"
is $? 0 'but not where it is the newline'
status 65 'an endless one is refused' dl-secret put big </dev/zero
status 65 'an empty one too' dl-secret put empty </dev/null
is "$(got empty)" ' 1' 'and is not kept'
for i in {1..40}; do put many "v$i"; done
is "$(dl-secret ls | jq -c 'select(.secret == "many") |
	[(.versions | length), .versions[0].version]')" '[32,9]' \
	'32 versions are kept'
is "$(DL_NOW=2026-01-01T00:00:00Z put dated x
	dl-secret ls --table | grep dated)" \
	'default  dated   1        2026-01-01T00:00:00Z  1' 'a table'
status 0 rm dl-secret rm many
is "$(got many)" ' 1' 'is gone'
status 1 'rm of what is not there' dl-secret rm many
put half x
cp "$S/default/half" "$S/default/.half.tmp"
dl-secret rm half
is "$(find "$S" -name '*half*')" '' 'rm takes what a crash left of it too'
status 75 'get on a full disk' bash -c 'dl-secret get db >/dev/full'
status 75 'into a closed output' bash -c 'dl-secret get db >&-'

# What is wrong
for name in '' . .. ../x a/b .hidden "$(printf '%065d' 0)" $'a\nb'; do
	what=$(printf %q "${name:0:20}")
	status 64 "put: no name: $what" dl-secret put "$name" </dev/zero
	status 64 "get: no name: $what" dl-secret get "$name"
	status 64 "rm: no name: $what" dl-secret rm "$name"
	status 64 "no group: $what" dl-secret ls --group "$name"
	status 64 "no key of: $what" dl-secret key "$name"
done
status 64 'no command' dl-secret
status 64 'another command' dl-secret pot db
status 64 'get of nothing' dl-secret get
status 64 'ls of something' dl-secret ls db
status 64 'both keys' dl-secret ls --key x --key-command y
status 64 'json and table' dl-secret ls --json --table
status 64 'raw is for put' dl-secret get --raw db
status 64 'number is for get' dl-secret ls --number 1
status 64 'rotate has no group' dl-secret rotate --group g

# Nothing tells
for args in 'put db s3cretword' 's3cretword' 'put s3cret/word' \
    'get db s3cretword'; do
	# shellcheck disable=SC2086 # they are words
	status 64 "a secret where none belongs: $args" dl-secret $args </dev/null
	is "$(grep -c 's3cret' "$T/err")" 0 'is not repeated'
done
put db s3cretword-in-the-file
dl-secret -v put db <<<s3cretword-in-the-file 2>"$T/err"
DL_LOG=json dl-secret -v get db >"$T/out" 2>>"$T/err"
is "$(grep -c s3cretword "$T/err")" 0 'no message has it'
is "$(grep -rac s3cretword "$DL_HOME" | grep -vc ':0$')" 0 'no file has it'
is "$(dl-secret ls --json | grep -c s3cretword)" 0 'nor what ls prints'
mkdir "$T/core"
mkfifo "$T/slow"
(cd "$T/core" && ulimit -c unlimited 2>/dev/null
 exec dl-secret put db <"$T/slow" 2>/dev/null) &
pid=$!
exec 9>"$T/slow"
echo -n s3cretword-half >&9
soon grep -q '^Max core file size *0 *0 ' "/proc/$pid/limits"
is $? 0 'no core files'
is "$(tr '\0' ' ' <"/proc/$pid/cmdline")" 'dl-secret put db ' \
	'nothing for ps to show'
kill -ABRT $pid
wait $pid 2>/dev/null
exec 9>&-
is "$(ls "$T/core")" '' 'and none is left'

# Keys that others may read
for mode in 0644 0640 0604 0660 0700 0620 0602 4600; do
	chmod $mode "$K"
	status 77 "a key file of mode $mode" dl-secret get db
	like "$(cat "$T/err")" "mode $mode" 'which is told'
	put db new 2>/dev/null
	is $? 77 'nothing is put by it'
	status 77 'nor is it rotated' dl-secret rotate
done
chmod 0400 "$K"
status 0 'a key file of mode 0400' dl-secret get db
chmod 0600 "$K"
ln -s "$K" "$T/link"
status 77 'a link to a key file' dl-secret get --key "$T/link" db
mkfifo -m 600 "$T/keyfifo"
status 77 'a pipe' timeout 10 dl-secret get --key "$T/keyfifo" db
status 77 'a directory' dl-secret get --key "$T" db
if [ "$(id -u)" = 0 ]; then
	cp -p "$K" "$T/foreign"
	chown 12345 "$T/foreign"
	status 77 'the file of another user' \
		dl-secret get --key "$T/foreign" db
fi
for text in '' x dl-key:1:master:00; do
	(umask 077; echo "$text" >"$T/nokey")
	status 65 "no key: '$text'" dl-secret get --key "$T/nokey" db
	rm "$T/nokey"
done

# Keys of commands
export K
is "$(got --key-command 'cat "$K"' db)" 's3cretword-in-the-file 0' \
	'a key that a command prints'
status 77 'a command that fails' \
	dl-secret get --key-command 'cat "$K"; exit 3' db
status 65 'a command that prints something else' \
	dl-secret get --key-command 'echo x' db
status 77 'a command that prints for ever' \
	timeout 20 dl-secret get --key-command yes db
echo by-command | dl-secret put --key-command 'cat >&2; cat "$K"' db
is "$(got db)" 'by-command 0' 'it does not take the secret from put'
status 64 'rotate needs a file' dl-secret rotate --key-command 'cat "$K"'
echo 'echo x >>"$T/asked"; cat "$K"' >"$T/ask"
export T
status 0 'ls with a command' dl-secret ls --key-command "sh $T/ask"
is "$(wc -l <"$T/asked")" 1 'which is asked once'

# Changed, renamed, exchanged, replaced
put --group g one x 2>/dev/null
printf x1 | dl-secret put --group g one
printf x2 | dl-secret put --group g two
printf x3 | dl-secret put --group h one
size=$(stat -c %s "$S/g/one")
cp "$S/g/one" "$T/one"
bad=0
for ((i = 0; i < size; i++)); do
	byte=$(od -An -tu1 -j "$i" -N 1 "$T/one")
	cp "$T/one" "$S/g/one"
	# shellcheck disable=SC2059 # it is the byte
	printf "\\x$(printf %x $((byte ^ 1)))" |
		dd of="$S/g/one" bs=1 seek="$i" conv=notrunc status=none
	[ "$(got --group g one)" = ' 65' ] || bad=$((bad + 1))
done
is "$bad $((size > 90))" '0 1' "each of $size bytes, changed, is refused"
is "$(dl-secret ls --group g 2>/dev/null | jq -r .secret)" two \
	'ls tells of it, and shows the others'
status 65 'with its status' dl-secret ls
printf new | dl-secret put --group g one 2>/dev/null
is $? 65 'nothing is put over it'
status 65 'rotate stops at it' dl-secret rotate
cp "$T/one" "$S/g/one"
status 0 'and goes on when it is back' dl-secret rotate
is "$(got --group g one)" 'x1 0' 'back'
cp "$S/g/two" "$S/g/three"
is "$(got --group g three)" ' 65' 'a copy under another name is refused'
rm "$S/g/three"
cp "$S/g/one" "$T/keep"
cp "$S/h/one" "$S/g/one"
is "$(got --group g one)" ' 65' 'and one in another group'
cp "$T/keep" "$S/g/one"
head -c 10 "$T/keep" >"$S/g/short"
is "$(got --group g short)" ' 65' 'a cut one is refused'
: >"$S/g/short"
is "$(got --group g short)" ' 65' 'an empty one too'
printf x | dl-secret put --group g new 2>"$T/err"
like "$(cat "$T/err")" "g/short': this is not" 'put tells which one it is'
rm "$S/g/short"

# Groups
(umask 077; dl-secret key g >"$T/g.key"; dl-secret key h >"$T/h.key")
is "$(got --key "$T/g.key" --group g one)" 'x1 0' "a group's key opens its own"
is "$(got --key "$T/g.key" --group h one)" ' 77' 'and no others'
sed 's/:g:/:h:/' "$T/g.key" >"$T/forged.key"
chmod 600 "$T/forged.key"
is "$(got --key "$T/forged.key" --group h one)" ' 65' \
	'whatever name it goes by'
is "$(dl-secret ls --key "$T/g.key" | jq -c '[.group, .secret]' | xargs)" \
	'[g,one] [g,two]' 'it lists its own'
printf x4 | dl-secret put --key "$T/g.key" --group g one
is "$(got --group g one)" 'x4 0' 'it puts, for the master to read'
printf x5 | dl-secret put --key "$T/g.key" --group h one 2>/dev/null
is $? 77 'but not into another group'
printf x5 | dl-secret put --key "$T/forged.key" --group h new 2>/dev/null
is $? 65 'nor by another key, where there are secrets'
is "$(got --group h new)" ' 1' 'none of it is there'
status 77 'it does not rotate' dl-secret rotate --key "$T/g.key"
status 0 'it gives itself' dl-secret key --key "$T/g.key" g
is "$(cmp "$T/out" "$T/g.key" && echo same)" same 'again'
status 77 'and no other' dl-secret key --key "$T/g.key" h

# A key that is lost is not made anew
mv "$K" "$T/master"
printf x | dl-secret put new 2>"$T/err"
is $? 78 'put without the key'
status 78 'get without the key' dl-secret get db
status 78 'rotate without the key' dl-secret rotate
is "$([ -e "$K" ] || echo none)" none 'makes none where there are secrets'
cp "$T/h.key" "$T/other"
DL_HOME=$T/home2 dl-secret key x >/dev/null
printf x | dl-secret put --key "$T/home2/keys/master" db 2>/dev/null
is $? 65 "another home's key puts nothing"
printf x | dl-secret put --key "$T/home2/keys/master" new 2>/dev/null
is $? 65 'nor something new'
mv "$T/master" "$K"
DL_HOME=$T/home3 dl-secret put --key "$T/mine.key" a <<<own
is "$(DL_HOME=$T/home3 got --key "$T/mine.key" a)" 'own 0' \
	'a key file is made where --key says'
is "$(stat -c %a "$T/mine.key"; ls "$T/home3")" '600
secrets' 'and only there'

# Rotation
cp -p "$K" "$T/old"
is "$(dl-secret rotate; got --group g one)" 'x4 0' 'rotated'
is "$(cmp -s "$K" "$T/old" || echo differs)" differs 'the key is another'
is "$(got --key "$T/old" --group g one)" ' 65' 'the old one opens nothing'
is "$(got --key "$T/g.key" --group g one)" ' 65' "nor does the group's"
is "$(ls -A "$DL_HOME/keys")" master 'there is one key'

# Killed and cut off at any moment, every secret can be read and put
D=$T/disk
DISK=$D/home
mkdir "$D"
for g in a b c; do
	for n in 1 2 3 4 5; do
		DL_HOME=$DISK dl-secret put --group $g "n$n" <<<"$g$n"
	done
done
values() { # HOME
	local g n
	for g in a b c; do
		for n in 1 2 3 4 5; do
			DL_HOME=$1 dl-secret get --group $g "n$n" || return
		done
	done
}
want=$(values "$DISK")
is "${#want}" 30 'there are 15 secrets'
export POWERCUT_DIR=$D POWERCUT_IMAGE=$T/image
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0
"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"
start=$(date +%s%N)
LD_PRELOAD=$BUILD/fault/powercut.so DL_HOME=$DISK dl-secret rotate
took=$((($(date +%s%N) - start) / 1000))
seed=${SEED:-$RANDOM$RANDOM}
RANDOM=$seed
note "SEED=$seed"
power_cut() { # A file that was gone at the end comes back without its mode.
	"$BUILD/fault/restore" "$POWERCUT_IMAGE" "$D" "$1"
	find "$D" -path '*/keys/*' -exec chmod 600 {} +
}
rounds=${FAULT_ROUNDS:-60} lost=0 between=0 done=0
for ((i = 0; i < rounds; i++)); do
	# Now a rotation begins, now it goes on.
	[ $((RANDOM % 2)) = 0 ] || DL_HOME=$DISK dl-secret rotate
	"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"
	after=$(printf '0.%06d' $((RANDOM * RANDOM % (took * 2))))
	(LD_PRELOAD=$BUILD/fault/powercut.so DL_HOME=$DISK \
		timeout -s KILL "$after" dl-secret rotate
	 exit $?) 2>"$T/err"
	r=$?
	[ $r = 0 ] && done=$((done + 1))
	[ $r = 0 ] || [ $r = 137 ] || { lost=$((lost + 1)); cat "$T/err" >&2; }
	# Mostly the machine is gone too, often with all that was not synced.
	[ $((i % 4)) = 0 ] || power_cut $((i % 4 == 1 ? i : 0))
	[ -e "$DISK/keys/master.next" ] && between=$((between + 1))
	[ "$(values "$DISK" 2>&1)" = "$want" ] || lost=$((lost + 1))
	DL_HOME=$DISK dl-secret put --group a "x$((i % 3))" <<<"r$i" ||
		lost=$((lost + 1))
	[ "$(DL_HOME=$DISK dl-secret get --group a "x$((i % 3))")" = "r$i" ] ||
		lost=$((lost + 1))
done
is "$lost" 0 "nothing is lost in $rounds rotations that are broken off"
is "$((between > 0))" 1 "$between of them between the two keys"
"$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"
cut() { # COMMAND...: as if the power went when it had ended
	LD_PRELOAD=$BUILD/fault/powercut.so "$@"
	power_cut 0
}
export DL_HOME=$D/new/home
cut dl-secret put a <<<kept
is "$(got a)" 'kept 0' 'the first put, and its key, outlast a power cut'
cut dl-secret put --group z b <<<kept
is "$(got --group z b)" 'kept 0' 'so does one in another group'
cut dl-secret rm a
is "$(got a)" ' 1' 'so does rm'
cut dl-secret rotate
is "$(got --group z b) $(ls "$DL_HOME/keys")" 'kept 0 master' 'and rotate'

# Killed before the name of what it made was durable: the next one sees to it.
durable() { LD_PRELOAD=$BUILD/fault/powercut.so "$@"; }
next_key() { # that a rotation began with
	(umask 077; cat "$T/home2/keys/master" >"$DL_HOME/keys/master.next")
	durable sync "$DL_HOME/keys/master.next"
}
export DL_HOME=$D/late/home
dl-secret key x >/dev/null
durable sync "$DL_HOME/keys/master" "$D" "$D/late" "$DL_HOME"
cut dl-secret put a <<<v1
is "$(got a)" 'v1 0' 'a key that was found is durable before what it seals'
next_key
cut dl-secret put a <<<v2
is "$(got a)" 'v2 0' 'so is the next one, by put'
durable dl-secret rotate
rm "$T/home2/keys/master"
DL_HOME=$T/home2 dl-secret key x >/dev/null
next_key
echo broken >"$DL_HOME/secrets/default/zz"
durable dl-secret rotate 2>/dev/null
power_cut 0
rm "$DL_HOME/secrets/default/zz"
is "$(got a)" 'v2 0' 'and by rotate'
dl-secret put b <<<v1
durable sync "$DL_HOME/secrets/default/b"
cut dl-secret put b <<<v1
is "$(got b)" 'v1 0' 'what is there already is durable after put too'
export DL_HOME=$T/home
unset POWERCUT_DIR POWERCUT_IMAGE
DL_HOME=$DISK dl-secret rotate
is "$(values "$DISK")" "$want" "and $done that were not: all are there"
is "$(find "$DISK/keys" -type f -name 'master*' | wc -l)" 1 'one key is left'

# Many at a time
for ((i = 0; i < 20; i++)); do
	DL_HOME=$T/crowd dl-secret put same <<<"v$i" &
	jobs[i]=$!
done
failed=0
for pid in "${jobs[@]}"; do wait "$pid" || failed=$((failed + 1)); done
is "$failed" 0 '20 at a time put one secret, and the first makes the key'
is "$(DL_HOME=$T/crowd dl-secret ls | jq -c '[.versions[].version]')" \
	"[$(seq -s, 20)]" 'each has its version'
is "$(for i in {1..20}; do
	DL_HOME=$T/crowd dl-secret get --number "$i" same; echo
done | sort -V | xargs)" "$(seq -f v%.0f 0 19 | xargs)" 'none is lost'
(for i in {1..15}; do DL_HOME=$DISK dl-secret rotate || echo failed; done \
	>"$T/rotated" 2>&1) &
rotating=$!
read=0 failed=0
while kill -0 $rotating 2>/dev/null; do
	[ "$(DL_HOME=$DISK dl-secret get --group c n5)" = c5 ] ||
		failed=$((failed + 1))
	read=$((read + 1))
done
wait $rotating
is "$failed $(cat "$T/rotated")" '0 ' "$read reads while keys are rotated"

# A person types
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then
	type_in() { # LINE...: each when it was asked for
		local n=0 line
		mkfifo "$T/keys"
		# In the background bash has had ^C ignored.
		env --default-signal=INT script -qec 'trap : INT; dl-secret put typed
			echo "status $?"; stty -a' /dev/null <"$T/keys" >"$T/screen" 2>&1 &
		exec 8>"$T/keys"
		for line; do
			n=$((n + 1))
			soon asked $n
			printf '%s' "$line" >&8
		done
		soon grep -q 'speed' "$T/screen"
		exec 8>&-
		wait $!
		rm "$T/keys"
	}
	asked() { [ "$(grep -oE '(typed|again): ' "$T/screen" | wc -l)" = "$1" ]; }
	type_in $'hunter9\n' $'hunter9\n'
	is "$(got typed)" 'hunter9 0' 'a secret that is typed'
	is "$(grep -c hunter9 "$T/screen")" 0 'is not seen'
	like "$(cat "$T/screen")" 'status 0' 'and kept'
	like "$(cat "$T/screen")" '[^-]echo ' 'then the terminal echoes again'
	type_in $'hunter8\n' $'hunter7\n'
	like "$(cat "$T/screen")" 'not the same' 'it must be typed twice alike'
	is "$(got typed)" 'hunter9 0' 'or is not kept'
	type_in $'hunt\x03'
	like "$(cat "$T/screen")" 'status 130' '^C ends it'
	like "$(cat "$T/screen")" '[^-]echo ' 'and the terminal echoes again'
	is "$(got typed)" 'hunter9 0' 'nothing is kept then'
	long=$(printf '%04094d' 7)
	type_in "$long"$'\n' "$long"$'\n'
	is "$(got typed)" "$long 0" 'the longest line'
	type_in "${long}8"$'\n'
	like "$(cat "$T/screen")" 'at most 4094 bytes' \
		'one that a terminal might have cut is refused'
	like "$(cat "$T/screen")" '[^-]echo ' 'and the terminal echoes again'
	type_in $'hunter9\n' $'hunter9\n'
	script -qec 'dl-secret get typed' /dev/null </dev/null >"$T/screen"
	is "$(tr -d '\r' <"$T/screen" | od -An -c | tr -s ' ')" \
		' h u n t e r 9 \n' 'get ends the line on a terminal'
fi

done_testing
