#!/usr/bin/env bash
# How the code looks, and what two compilers and the shell's linter say of it.
. tests/tap.sh

mapfile -t sources < <(git ls-files '*.c' '*.h')
is "$(clang-format --dry-run -Werror "${sources[@]}" 2>&1 | head -20)" '' \
	'clang-format agrees'
is "$(awk 'length($0) > 2000 || /[ \t]$/ {
	print FILENAME ":" FNR; exit }' "${sources[@]}")" '' \
	'no line ends in white space'

# Both compilers, no warning; objects are thrown away.
flags=$(make -pn FLAVOUR=plain 2>/dev/null | sed -n 's/^WARN = //p')
for cc in gcc clang; do
	for f in "${sources[@]}"; do
		case $f in *.h | tests/*) continue ;; esac
		# shellcheck disable=SC2086 # flags are words
		$cc -std=gnu11 -O2 $flags -iquote lib -D_GNU_SOURCE \
			-DDL_VERSION='"lint"' -fsyntax-only "$f" 2>&1
	done | head -20 >"$T/$cc"
	is "$(cat "$T/$cc")" '' "$cc has no warning"
done

# A library of which one tool links one file and another the other.
is "$(nm -g --defined-only build/libdlkit.a | awk '$2 ~ /^[TDBR]$/ { print $3 }' |
	sort | uniq -d)" '' 'no name is defined twice'

mapfile -t scripts < <(git ls-files | while read -r f; do
	[ -f "$f" ] && head -n 1 "$f" | grep -qE '^#!.*\b(ba)?sh$' && echo "$f"
done)
is "$(shellcheck -x -e SC1091 "${scripts[@]}" 2>&1 | head -40)" '' \
	'shellcheck agrees'

done_testing
