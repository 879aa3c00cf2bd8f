#!/usr/bin/env bash
# lib/ is layered: nothing low knows of anything high.
. tests/tap.sh

declare -A layer
while read -r n names; do
	[[ $n =~ ^[0-9]$ ]] || continue
	for name in $names; do layer[$name]=$n; done
done <tests/lint/layers

# The layer of a file's stem: its own entry or that of its family.
layer_of() {
	local stem=$1
	while :; do
		[ -n "${layer[$stem]-}" ] && { echo "${layer[$stem]}"; return; }
		[[ $stem == *_* ]] || return
		stem=${stem%_*}
	done
}

for file in lib/*.[ch]; do
	stem=$(basename "${file%.*}")
	own=$(layer_of "$stem")
	is "${own:+known}" known "$file has a layer"
	wrong=
	while read -r header; do
		its=$(layer_of "${header%.h}")
		[ "${its:-9}" -le "${own:-0}" ] || wrong+="$header "
	done < <(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$file")
	is "$wrong" '' "$file includes nothing above it"
done

# What ends the process: tool.c, the end of memory, a damaged map, and a libjq
# call that can't be interrupted.
is "$(grep -lE '\b_?exit\(' lib/*.c | sort | xargs)" \
	'lib/buf.c lib/fault.c lib/jqlimit.c lib/tool.c' \
	'the library leaves ending to cmd/'

done_testing
