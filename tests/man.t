#!/usr/bin/env bash
# The man pages are the specification: every EXAMPLE runs and prints what it
# says, every option is described, every page is whole.
. tests/tap.sh
. tests/examples.sh

for page in man/*.[157]; do
	name=$(basename "$page")
	run_examples "$page" "$name" EXAMPLES
	case $name in
	*.7) ;;
	*)	is "$((examples_run > 0))" 1 "$page has examples" ;;
	esac
	is "$(mandoc -T lint -W warning "$page" 2>&1)" '' "$page: mandoc lint"
done

# -fqv or --name, a line each; letters that stand together apart.
each_option() {
	sed -n '/^--/p; t; s/^-\([a-zA-Z].*\)/\1/p' | awk '
		/^-/ { print; next }
		{ for (i = 1; i <= length; i++) print "-" substr($0, i, 1) }
	' | sort -u
}

# Each tool has a page, and the page and --help list the same options.
for tool in cmd/dl-*.c; do
	name=$(basename "$tool" .c)
	page=man/$name.1
	is "$([ -f "$page" ] && echo yes)" yes "$name has a man page"
	help=$("$name" --help | sed -n \
		's/^  \(-.\)\{0,1\},\{0,1\} *\(--[a-z-]*\).*/\1 \2/p' |
		sed 's/^ *//' | sort)
	man=$(sed -n 's/^\.It Fl //p' "$page" | awk '{
		out = ""
		if ($1 !~ /^-/) { out = "-" $1; sub(/,.*/, "", out) }
		for (i = 1; i <= NF; i++)
			if ($i ~ /^-[a-z]/) { out = out " -" $i; break }
		sub(/^ /, "", out); sub(/,$/, "", out)
		print out }' | sort)
	is "$man" "$help" "$name: the page's options are those of --help"
	is "$("$name" --help | awk 'NR > 1 && length > 80')" '' \
		"$name: --help fits a terminal"
	# What SYNOPSIS and the line of usage show is the same, letter by letter.
	shown=$(sed -n '/^.Sh SYNOPSIS/,/^.Sh DESC/p' "$page" |
		grep -o 'Fl [^ ]*' | sed 's/^Fl /-/' | each_option)
	usage=$("$name" --help | head -n 1 | grep -o '\[-[^] ]*' |
		sed 's/^\[//' | each_option)
	is "$shown" "$usage" "$name: SYNOPSIS is the usage of --help"
	for section in NAME SYNOPSIS DESCRIPTION 'EXIT STATUS' EXAMPLES \
	    'SEE ALSO'; do
		is "$(grep -c "^.Sh $section\$" "$page")" 1 \
			"$page has $section"
	done
done

done_testing
