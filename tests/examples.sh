# shellcheck shell=bash
# The examples of man pages, which run.  Sourced after tap.sh.
#
#	run_examples PAGE DIRECTORY SECTION
#
# Lines of .Bd -literal blocks: "$ " begins a command, "> " continues it, what
# follows is what it prints.  They run in $T/DIRECTORY; $examples_run says how
# many there were.

examples() {
	awk -v section="$2" '
	/^\.Sh /          { in_examples = (substr($0, 5) == section) }
	/^\.Bd -literal/  { if (in_examples) block = 1; next }
	/^\.Ed/           { block = 0; next }
	block {
		sub(/^\\&/, ""); gsub(/\\e/, "\\"); gsub(/\\-/, "-")
		gsub(/\\\(aq/, "\047"); gsub(/\\\(dq/, "\""); gsub(/\\&/, "")
		print
	}' "$1"
}

run_examples() {
	local page=$1 dir=$T/$2 command='' want='' n=0 line
	mkdir -p "$dir"
	check() {
		[ -n "$command" ] || return 0
		n=$((n + 1))
		local got
		got=$(cd "$dir" && DL_HOME=$dir/home \
			DL_NOW=2026-01-01T00:00:00Z \
			timeout 60 bash -c "$command" 2>&1 </dev/null)
		is "$got" "${want%$'\n'}" "$page: ${command%%$'\n'*}"
		command='' want=''
	}
	while IFS= read -r line; do
		case $line in
		'$ '*)	check; command=${line#\$ } ;;
		'> '*)	if [ -z "$want" ] && [ -n "$command" ]; then
				command+=$'\n'${line#> }
			else
				want+=$line$'\n'
			fi ;;
		*)	want+=$line$'\n' ;;
		esac
	done < <(examples "$page" "$3")
	check
	# shellcheck disable=SC2034 # for whoever sources this
	examples_run=$n
}
