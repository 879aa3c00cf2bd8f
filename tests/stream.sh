# What the tests of streams share.  Sourced, after tap.sh.

export S=$DL_HOME/streams/quakes

checkpoint() { # POSITION
	printf '{"specversion":"1.0","id":"%s","source":"source.x","type":"dl.checkpoint"}\n' "$1"
}

events() { # FROM TO [BYTES [SOURCE]]
	awk -v from="$1" -v to="$2" -v pad="${3:-0}" -v source="${4:-s}" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"e%d\",\"source\":\"%s\",\"type\":\"dl.record\",\"data\":\"%0*d\"}\n", i, source, pad, i
	}'
}

# The files of a stream's directory, one a line, oldest first.
files() { # DIR ENDING
	local name
	for name in "$1"/*."$2"; do
		[ -e "$name" ] && printf '%s\n' "$name"
	done
}

ids() { # STREAM
	dl-stream-get --read-only "$1" | jq -r .id | paste -sd,
}
