# shellcheck shell=bash
# Where the lakes of a test are: a directory under home, or a bucket of a real
# S3 (DL_LAKE_ON=s3).  Sourced after tap.sh.
#
#	lake_start      what it takes; ends the test if it can't be had
#	lake_fresh      from now on all lakes are others, and empty
#	"${at}NAME"     a lake's address, for the tools
#
#	lake_look NAME  a directory that has what is in it now
#	lake_parts NAME of them the parts, by their paths in it
#	lake_with_parts NAME COMMAND...
#	lake_manifest NAME
#	lake_journal NAME KEY
#	                where a writer's journal is
#	lake_begun NAME what was begun on this machine and is not done
#	lake_half NAME  that, and what is half done there
#
#	lake_put FILE NAME PATH, lake_drop NAME PATH, lake_copy NAME NEW
#	                what no tool of ours does to a lake
# shellcheck disable=SC2154 # tap.sh and radosgw.sh set what is used

lake_on=${DL_LAKE_ON:-disk}
lake_in='' lake_turn=0 at=''
[ "$lake_on" = s3 ] && at=s3://lakes/
export at

# On a disk whoever wants it empties home.
lake_fresh() {
	[ "$lake_on" = s3 ] || return 0
	lake_in=$((lake_turn += 1))/
	at=s3://lakes/$lake_in
}

lake_start() {
	[ "$lake_on" = s3 ] || return 0
	. tests/servers/radosgw.sh
	if ! radosgw_have; then
		echo '1..0 # SKIP radosgw is not installed (make deps TEST=full)'
		exit
	fi
	if ! radosgw_start '' || ! radosgw_bucket lakes; then
		echo 'Bail out! radosgw does not start'
		exit 1
	fi
}

lake_look() { # NAME
	local dir=$DL_HOME/lake/$1
	if [ "$lake_on" = s3 ]; then
		dir=$T/mirror/$lake_in$1
		radosgw_mirror lakes "$lake_in$1" "$dir" || note "no mirror of $1"
	fi
	echo "$dir"
}

lake_parts() { # NAME
	local dir
	dir=$(lake_look "$1")
	[ ! -d "$dir" ] || find "$dir" -name _dl -prune -o -type f -printf '%P\n' |
		sort
}

# COMMAND with the parts for its arguments, where they are.
lake_with_parts() { # NAME COMMAND...
	lake_parts "$1" | (cd "$(lake_look "$1")" && xargs -r -d '\n' "${@:2}")
}

# What tidy folded is in the newest base; what came after it, in numbers.
lake_manifest() { # NAME
	local dir base
	dir=$(lake_look "$1")/_dl
	if [ "$lake_on" = disk ]; then
		[ ! -e "$dir/manifest.ndjson" ] || cat "$dir/manifest.ndjson"
		return
	fi
	base=$(find "$dir/manifest" -name '*.base.ndjson' 2>/dev/null |
		sort | tail -n 1)
	[ -z "$base" ] || cat "$base"
	find "$dir/manifest" -name '*.ndjson' ! -name '*.base.*' 2>/dev/null |
		sort | awk -v base="${base%.base.ndjson}.ndjson" '$0 > base' |
		xargs -r cat
}

# The writers' own directory.
lake_state() { # NAME
	local dir=$DL_HOME/lake/$1/_dl
	if [ "$lake_on" = s3 ]; then
		dir=$(printf '%s\n' "$DL_HOME"/spool/*"${lake_in//\//%2F}$1")
	fi
	echo "$dir"
}

lake_journal() { # NAME KEY
	echo "$(lake_state "$1")/journal/$2"
}

lake_begun() { # NAME
	find "$(lake_state "$1")"/{staging,outbox} -type f 2>/dev/null
}

lake_half() { # NAME
	lake_begun "$1"
	[ "$lake_on" = disk ] ||
		radosgw_request GET "/lakes?prefix=${lake_in//\//%2F}$1%2F&uploads=" |
		grep -o '<Key>[^<]*'
}

lake_put() { # FILE NAME PATH
	if [ "$lake_on" = s3 ]; then
		radosgw_request PUT "/lakes/$lake_in$2/$(radosgw_escape "$3")" -T "$1"
	else
		mkdir -p "$(dirname "$DL_HOME/lake/$2/$3")" &&
			cp "$1" "$DL_HOME/lake/$2/$3"
	fi
}

lake_drop() { # NAME PATH
	if [ "$lake_on" = s3 ]; then
		radosgw_request DELETE "/lakes/$lake_in$1/$(radosgw_escape "$2")"
	else
		rm "$DL_HOME/lake/$1/$2"
	fi
}

lake_copy() { # NAME NEW
	if [ "$lake_on" = s3 ]; then
		lake_look "$1" >/dev/null
		radosgw_push lakes "$lake_in$2" "$T/mirror/$lake_in$1"
	else
		cp -r "$DL_HOME/lake/$1" "$DL_HOME/lake/$2"
	fi
}
