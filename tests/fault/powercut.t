#!/usr/bin/env bash
# The model of a power cut itself: powercut.so and restore, seen with programs
# that sync and programs that forget to.
. tests/tap.sh

D=$T/disk
mkdir "$D"
export POWERCUT_DIR=$D POWERCUT_IMAGE=$T/image

with() { LD_PRELOAD=$BUILD/fault/powercut.so "$@"; }
# sync(1) with names is fsync(2) of each.
keep() { with sync "$@"; }
settle() { "$BUILD/fault/restore" -s "$POWERCUT_IMAGE" "$D"; }
cut() { "$BUILD/fault/restore" "$POWERCUT_IMAGE" "$D" "$1"; }
tree() { (cd "$D" && find . -type f | sort | xargs -r head -v -c 40) | tr '\0' 0; }
fresh() {
	rm -rf "${D:?}"/* && settle
}

fresh
with sh -c "echo one >$D/a"
cut 0
is "$(tree)" '' 'neither bytes nor name synced: nothing is there'

with sh -c "echo one >$D/a"
keep "$D"
cut 0
is "$(tree)" '==> ./a <==' 'the name without its bytes: an empty file'

fresh
echo one >"$D/a"
keep "$D/a"
cut 0
is "$(tree)" '' 'the bytes without a name: nothing'

echo one >"$D/a"
keep "$D/a" "$D"
cut 0
is "$(tree)" '==> ./a <==
one' 'both: the file'

echo two >>"$D/a"
echo three >"$D/b"
keep "$D/b"
cut 0
is "$(tree)" '==> ./a <==
one' 'what came after the sync is gone'

echo two >>"$D/a"
with sync -d "$D/a"
echo three >>"$D/a"
cut 0
is "$(tree)" '==> ./a <==
one
two' 'fdatasync keeps what was before it'

fresh
echo old >"$D/a"
keep "$D/a" "$D"
echo new >"$D/.a"
keep "$D/.a"
mv "$D/.a" "$D/a"
cut 0
is "$(tree)" '==> ./a <==
old' 'a rename without a sync of the directory is undone'

echo new >"$D/.a"
keep "$D/.a"
mv "$D/.a" "$D/a"
keep "$D"
cut 0
is "$(tree)" '==> ./a <==
new' 'with it, it is there'

rm "$D/a"
for i in 1 2 3 4 5 6 7 8; do echo "other $i" >"$D/other$i"; done
cut 0
is "$(tree)" '==> ./a <==
new' 'an unlink is undone, whoever has the inode now'

ln "$D/a" "$D/b"
keep "$D"
rm "$D/a"
keep "$D"
echo more >>"$D/b"
keep "$D/b"
cut 0
is "$(tree)" '==> ./b <==
new
more' 'a file has its bytes under each of its names'

mkdir -p "$D/x/y"
echo deep >"$D/x/y/z"
keep "$D/x/y/z" "$D/x/y"
cut 0
is "$(find "$D" -name z)" '' 'a directory whose name was not synced'
mkdir -p "$D/x/y"
echo deep >"$D/x/y/z"
keep "$D/x/y/z" "$D/x/y" "$D/x" "$D"
cut 0
is "$(cat "$D/x/y/z")" deep 'and one whose name was'

fresh
head -c 8192 /dev/zero | tr '\0' a >"$D/a"
keep "$D/a" "$D"
head -c 8192 /dev/zero | tr '\0' b >"$T/b"
with dd if="$T/b" of="$D/a" bs=8192 conv=notrunc status=none
with dd if="$T/b" of="$D/a" bs=100 count=1 seek=50 conv=notrunc \
	oflag=dsync status=none
cut 0
is "$(tr -s ab <"$D/a") $(wc -c <"$D/a")" 'aba 8192' \
	'a write to an O_DSYNC descriptor keeps its own bytes, and no others'

# What was not synced may be there: a synced kilobyte and nine pages after it.
outcomes() {
	for seed in {1..60}; do
		fresh
		head -c 1000 /dev/zero | tr '\0' a >"$D/a"
		keep "$D/a" "$D"
		head -c 36864 /dev/zero | tr '\0' b >>"$D/a"
		touch "$D/new"
		cut "$seed"
		# What there is: runs of a and b, and of zeros as 0.
		printf '%s %s\n' "$(tr '\0' 0 <"$D/a" | tr -s ab0)" \
			"$([ -e "$D/new" ] && echo named)"
		head -c 1000 "$D/a" | tr -d a >>"$T/lost"
	done
}
outcomes | sort | uniq -c >"$T/outcomes"
is "$(cat "$T/lost")" '' 'what was synced is always there'
like "$(awk '{ print $2 }' "$T/outcomes" | sort -u | paste -sd' ')" \
	'^a a0(b0?)+ .*ab ab0' 'by the seed: nothing more, some, zeros, all'
like "$(awk '{ print $3 }' "$T/outcomes" | sort -u | paste -sd,)" ',named' \
	'and new names, or not'

# The same seed, the same cut.
fresh
for i in {1..20}; do echo "$i" >"$D/f$i"; done
keep "$D" "$D"/f?
for i in {1..20}; do echo "again $i" >>"$D/f$i"; done
rm -rf "$T/copy" && cp -r "$D" "$T/copy"
cut 7
tree >"$T/first"
fresh
for i in {1..20}; do echo "$i" >"$D/f$i"; done
keep "$D" "$D"/f?
for i in {1..20}; do echo "again $i" >>"$D/f$i"; done
cut 7
is "$(tree)" "$(cat "$T/first")" 'the same seed cuts the same'

# Killed in the middle of a sync, again and again.
fresh
seq 200000 >"$D/a"
keep "$D/a" "$D"
seq 400000 >"$D/a"
for i in 1 2 3 4 5 6 7 8 9 10; do
	keep "$D/a" &
	sleep "0.00$i"
	kill -9 $! 2>/dev/null
	wait $! 2>/dev/null
done
cut 0
like "$(tail -n 1 "$D/a")" '^(2|4)00000$' 'a sync that is killed is all or none'

echo 01234567-89ab-cdef-0123-456789abcdef >"$T/boot"
is "$(POWERCUT_BOOT=$T/boot with cat /proc/sys/kernel/random/boot_id)" \
	"$(cat "$T/boot")" 'the machine seems to have started again'
is "$(POWERCUT_FORGET=/a keep "$D/a"; echo tail >>"$D/a"
	POWERCUT_FORGET=/a keep "$D/a"; cut 0; tail -n 1 "$D/a" | grep tail)" \
	'' 'a disk that lies'

done_testing
