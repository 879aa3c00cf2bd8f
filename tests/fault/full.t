#!/usr/bin/env bash
# Every write of a run fails once: on a disk with room for a page more each
# time, or an inode; and with files that may grow by a KiB more, which needs no
# right to mount.  It is told in one clear line, the status says that it may be
# run again, and when there is room nothing is lost or doubled.
#
#	FULL_STEP=N   by how much the room grows (soak: 1)
. tests/fault/lib.sh

step=${FULL_STEP:-7}
began=$SECONDS
feed 1 60
pipes=(in lake twin)
told='^dl-[a-z-]+: .*(No space left on device|File too large)'
# Who stands before or after the one that failed may say so.
aftermath='^dl-[a-z-]+: .*(Broken pipe|no stream in)'

# Run all the pipes: what is wrong with how they end is in $wrong, and $short
# says if one had not the room.
run_short() {
	local pipe status
	wrong='' short=''
	for pipe in "${pipes[@]}"; do
		start "$pipe"
		wait "$run"
		status=$?
		settle "$run"
		[ $status = 0 ] && [ ! -s "$T/err.$pipe" ] && continue
		[ $status = 75 ] && grep -qE "$told|no stream in" "$T/err.$pipe" &&
			! grep -qvE "$told|$aftermath" "$T/err.$pipe" ||
			wrong="$wrong$pipe: $status $(cat "$T/err.$pipe")"
		short=yes
	done
}

# $before and $DL_HOME are short of room; `more` makes it.
one_size() { # WHICH
	run_short
	is "$wrong" '' "$1: it fits, or it is told"
	[ "$short" ] && small=$((small + 1)) || fit=$((fit + 1))
	more
	run_short
	is "$short$wrong" '' "$1: then it goes on"
	check "$1" "${pipes[@]}"
}

# From $3 on in steps of $4 until it fits.
sizes() { # WHAT HOW FIRST STEP
	local n small=0 fit=0
	for ((n = $3; fit < 2 && n < 1000; n += $4)); do
		"$2" "$n"
		one_size "$1 $n"
		rm -rf "${DL_HOME:?}"
	done
	[ $small -gt 3 ]
	is $? 0 "$1: $small were too small, up to $((n - $4))"
	note "$1: $small too small, from $3 to $((n - $4)); $((SECONDS - began)) s"
}

# With a disk of its own.
# shellcheck disable=SC2317 # by its name
mounted() { # OPTION
	more() { mount -o remount,size=64m,nr_inodes=100000 "$T/mnt"; }
	umount "$T/mnt" 2>/dev/null
	mount -t tmpfs -o "$1" none "$T/mnt" && mkdir "$DL_HOME"
}
pages() { mounted "size=$(($1 * 4))k"; }
inodes() { mounted "size=64m,nr_inodes=$1"; }

# shellcheck disable=SC2317 # by its name
limited() { # KIB
	more() { before=(); }
	# shellcheck disable=SC2016 # the other shell expands it
	before=(bash -c 'trap "" XFSZ; ulimit -f "$0"; exec "$@"' "$1")
	mkdir -p "$DL_HOME"
}
sizes 'files of KiB' limited 1 "$step"

mkdir "$T/mnt"
if mount -t tmpfs none "$T/mnt" 2>/dev/null; then
	DL_HOME=$T/mnt/home
	sizes 'a disk of pages' pages 2 "$step"
	sizes 'a disk of inodes' inodes 3 "$step"
else
	note 'no right to mount: files alone were limited'
fi

is "$hung" '' 'nothing hung'
done_testing
