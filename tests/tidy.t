#!/usr/bin/env bash
# dl-lake-tidy: few parts of many, each event once for whoever reads meanwhile.
#
# DL_LAKE_ON=s3: on a real S3; what is a directory's alone is left out then.
. tests/tap.sh
. tests/lake.sh
lake_start

# events FROM TO: ten minutes from one to the next, lines of one length.
events() {
	awk -v from="$1" -v to="$2" 'BEGIN {
		for (i = from; i <= to; i++)
			printf "{\"specversion\":\"1.0\",\"id\":\"e%05d\"," \
			    "\"source\":\"s\",\"type\":\"dl.record\"," \
			    "\"time\":\"2018-02-%02dT%02d:%02d:00Z\"," \
			    "\"data\":{\"n\":%05d,\"x\":2.0}}\n",
			    i, 1 + i / 144 % 28, i / 6 % 24, i % 6 * 10, i + 10000
	}'
}
checkpoint() {
	printf '{"specversion":"1.0","id":"%d","source":"%s","type":"%s"}\n' \
		"$1" "${2:-stream.s.lake}" dl.checkpoint
}

# fill NAME EVENTS TIMES OPTION...: so many parts.
fill() {
	local i
	for ((i = 0; i < $3; i++)); do
		events $((i * $2 + 1)) $(((i + 1) * $2)) |
			dl-lake-write "${@:4}" "$at$1" || return
	done
}
ids() { jq -r .id | sort; }
read_ids() { dl-lake-read "$at$1" | ids; }
want_ids() { events "$1" "$2" | ids; }
sizes() { lake_with_parts "$1" stat -c %s; }
count() { lake_parts "$1" | wc -l; }

# The last merged part's entry.
last_entry() { lake_manifest "$1" | jq -c 'select(.merged)' | tail -n 1; }

line=$(events 1 1 | wc -c)

# Merging

fill plain 10 20 -z none -P all
part=$((10 * line))
dl-lake-read "${at}plain" >"$T/before"
status 0 'a dry run' dl-lake-tidy --dry-run --target $((4 * part)) "${at}plain"
is "$(cat "$T/out")" "${at}plain/all: 20 parts (24.4 KiB) would become 5
${at}plain: 20 parts (24.4 KiB) would become 5" 'says what would be done'
is "$(count plain)" 20 'and does nothing'
status 0 'parts are merged' dl-lake-tidy -v --target $((4 * part)) "${at}plain"
like "$(cat "$T/err")" 'plain/all: 20 parts \(24.4 KiB\) became 5 \(24.4 KiB\)' \
	'-v says so'
is "$(cat "$T/out")" '' 'nothing else does'
is "$(sizes plain | sort -u | xargs)/$(count plain)" "$((4 * part))/5" \
	'as many as the target says'
is "$(dl-lake-read "${at}plain" | cmp - "$T/before" 2>&1)" '' \
	'lines stay in their order'
is "$(lake_with_parts plain cat | cmp - "$T/before" 2>&1)" '' \
	'and cat sees the same bytes'
is "$(lake_half plain)" '' 'nothing is left half done'
status 0 'a second run' dl-lake-tidy --dry-run --target $((4 * part)) \
	"${at}plain"
is "$(cat "$T/out")" "${at}plain: nothing to do" 'finds nothing to do'

entry=$(last_entry plain)
name=$(jq -r .part <<<"$entry")
sum=$(sha256sum "$(lake_look plain)/$name" | cut -d ' ' -f 1)
is "$(jq -c '[.records, .bytes, .unpacked, .sha256, .first, .last, .sources,
	.steps, (.merged | length), (.of | map(.records, .bytes) | add)]' \
	<<<"$entry")" \
	"[40,$((4 * part)),$((4 * part)),\"$sum\",\"2018-02-02T02:50:00Z\",\"2018-02-02T09:20:00Z\",[\"s\"],[],4,$((40 + 4 * part))]" \
	'the manifest says what is in it'
is "$(jq -c '.merged == [.of[].part]' <<<"$entry")" true 'and of what it is'
is "$(lake_manifest plain | jq -sc --argjson e "$entry" '
	(map({key: .part, value: .at}) | from_entries) as $at
	| $e.of | all(.at == $at[.part])')" true 'and when that came'
is "$(jq -r '.merged | max' <<<"$entry" | cat - <(echo "$name") |
	LC_ALL=C sort -c 2>&1)" '' 'its name comes after theirs'

# 7 more: 4 become one; 3 are 3/4 of the target, once they are one.
for ((i = 20; i < 27; i++)); do
	events $((i * 10 + 1)) $((i * 10 + 10)) |
		dl-lake-write -z none -P all "${at}plain"
done
status 0 'with more of them' dl-lake-tidy --target $((4 * part)) "${at}plain"
is "$(sizes plain | sort -n | uniq -c | awk '{ print $1, $2 }' | xargs)" \
	"1 $((3 * part)) 6 $((4 * part))" 'what is large enough is left alone'
status 0 'a larger target' dl-lake-tidy --target $((12 * part)) "${at}plain"
is "$(sizes plain | sort -n | uniq -c | awk '{ print $1, $2 }' | xargs)" \
	"1 $((3 * part)) 2 $((12 * part))" 'merges what was merged'
is "$(lake_manifest plain | jq -sc '
	map(select(.part)) as $all
	| ($all | map(select(.merged | not) | .part)) as $originals
	| $all | map(select(.merged)) | .[-1].of
	| [length, all(.part | IN($originals[])), (map(.records) | add)]')" \
	'[12,true,120]' 'and says what it was at first'
is "$(read_ids plain)" "$(want_ids 1 270)" 'each event is there once'

# Codecs are not mixed; a part of a kind alone stays.
fill mixed 10 2 -z zstd -P all
fill mixed 10 2 -z gzip -P all
events 41 50 | dl-lake-write -z none -P all "${at}mixed"
status 0 'codecs' dl-lake-tidy "${at}mixed"
is "$(lake_parts mixed | sed 's/.*\.ndjson//' | sort | paste -sd,)" ',.gz,.zst' \
	'each becomes one'
is "$(read_ids mixed)" "$( (want_ids 1 20; want_ids 1 20; want_ids 41 50) |
	sort)" 'and nothing is lost'

# Compressed; a partition each; both layouts.
fill zst 400 6 -P 'dt={time:%Y-%m-%d}'
fill zst 400 2 -P 'dt={time:%Y-%m-%d}' --layout flat
dl-lake-read "${at}zst" | sort >"$T/before"
n=$(find "$(lake_look zst)" -name 'dt=*' | wc -l)
status 0 'partitions' dl-lake-tidy -q -j 2 "${at}zst"
is "$(count zst)" "$n" 'one part in each'
is "$(dl-lake-read "${at}zst" | sort | cmp - "$T/before" 2>&1)" '' \
	'with all lines of both layouts'
is "$(lake_with_parts zst zstd -dc | wc -l)" 3200 'zstd sees them'

# Duplicates

status 0 'duplicates, a dry run' dl-lake-tidy --dedupe --dry-run "${at}zst"
like "$(tail -n 1 "$T/out")" '; 800 duplicates left out$' 'are counted'
status 0 'duplicates' dl-lake-tidy --dedupe "${at}zst"
is "$(read_ids zst)" "$(want_ids 1 2400)" 'are left out'
is "$(dl-lake-read "${at}zst" | grep -c '"type":"dl.record"')" 2400 \
	'and the first ones stay'
status 0 'duplicates, again' dl-lake-tidy -v --dedupe "${at}zst"
like "$(cat "$T/err")" 'zst: nothing to do' 'there are none'
fill dup 10 3 -z none -P all
events 11 20 | dl-lake-write -z none -P all "${at}dup"
status 0 'a part that has nothing else' dl-lake-tidy --dedupe --target 1 \
	"${at}dup"
is "$(count dup)/$(read_ids dup)" "3/$(want_ids 1 30)" 'goes'
is "$(lake_manifest dup | tail -n 1 | jq -c '[(.gone | length), .why]')" \
	'[1,"duplicates"]' 'which the manifest says'

# Expiry

fill old 144 3 -P 'dt={time:%Y-%m-%d}/hour={time:%H}'
n=$(count old)
export DL_NOW=2018-02-04T05:00:00Z
status 64 'a zone that is none of the lakes' dl-lake-tidy \
	--expire "old: 1d, mold: 1d" "${at}old"
like "$(cat "$T/err")" "'mold' expires" 'is named'
status 64 'no duration' dl-lake-tidy --expire 'old: soon' "${at}old"
like "$(cat "$T/err")" "90d.*not 'old: soon'" 'is told'
status 64 'twice' dl-lake-tidy --expire '1d, 2d' "${at}old"
status 0 'expiry, a dry run' dl-lake-tidy --dry-run --expire 'old: 2d' "${at}old"
like "$(tail -n 1 "$T/out")" '30 parts \(.*\) would expire$' 'says how many'
is "$(count old)" "$n" 'and does nothing'
status 0 'expiry' dl-lake-tidy --expire 'old: 2d' "${at}old"
is "$(read_ids old | head -n 1)" e00174 'what is older goes'
is "$(read_ids old | wc -l)" "$((432 - 173))" 'and nothing else'
is "$(lake_manifest old | jq -r 'select(.gone) | .why, (.gone | length)' |
	xargs)" 'expired 30' 'the manifest says so'
[ "$lake_on" = s3 ] ||
	is "$(find "$DL_HOME/lake/old" -type d -empty -name 'hour*')" '' \
		'no empty directory stays'
status 0 'another zone alone' dl-lake-tidy --expire 'old: 1w, plain: 1y' \
	"${at}old" "${at}plain"
is "$(count old)" "$((n - 31))" 'has its own time'
unset DL_NOW

# A part that the manifest does not know: by its path, or never.
events 1 6 >"$T/foreign.ndjson"
for p in dt=2018-02-01 dt=2018-02-03/hour=04 x=1; do
	lake_put "$T/foreign.ndjson" unknown "$p/a.ndjson"
done
DL_NOW=2018-02-04T04:59:59Z status 0 'parts that nobody recorded' \
	dl-lake-tidy --expire 1d "${at}unknown"
is "$(lake_parts unknown | xargs)" 'dt=2018-02-03/hour=04/a.ndjson x=1/a.ndjson' \
	'expire with their partition'
DL_NOW=2018-02-04T05:00:00Z status 0 'an hour later' \
	dl-lake-tidy --expire 1d "${at}unknown"
is "$(lake_parts unknown | xargs)" 'x=1/a.ndjson' 'the next; the last never'

# Events without a time keep those that have one from going.
(events 1 2; events 3 4 | sed 's/"time":"[^"]*",//') |
	dl-lake-write -z none -P all "${at}untimed"
status 0 'events without a time' dl-lake-tidy --expire 1d "${at}untimed"
is "$(read_ids untimed)" "$(want_ids 1 4)" 'stay: they may be new'

# A corrupt part stays as it is, and the others are merged.
fill corrupt 10 5 -z none -P all
broken=$(lake_parts corrupt | sed -n 2p)
sed 's/x/y/' "$(lake_look corrupt)/$broken" >"$T/broken"
lake_drop corrupt "$broken"
lake_put "$T/broken" corrupt "$broken"
status 65 'a corrupt part' dl-lake-tidy "${at}corrupt" "${at}mixed"
like "$(cat "$T/err")" "$broken.*corrupt" 'is named'
is "$(count corrupt)" 2 'the others become one'
is "$(lake_parts corrupt | grep -c "$broken")" 1 'it stays'
is "$(dl-lake-read "${at}corrupt" | wc -l)" 50 'nothing is lost'
head -c 50 "$T/broken" >"$T/torn"
lake_put "$T/torn" unknown x=1/b.ndjson
lake_put "$T/torn" unknown x=1/c.ndjson
lake_put "$T/foreign.ndjson" unknown x=1/d.ndjson
status 65 'torn ones that nobody recorded' dl-lake-tidy --dedupe "${at}unknown"
is "$(grep -c torn "$T/err")" 2 'are named'
is "$(lake_parts unknown | xargs)" \
	'x=1/b.ndjson x=1/c.ndjson '"$(lake_parts unknown | tail -n 1)" 'and stay'
is "$(lake_with_parts unknown grep -h '}$' | ids)" "$(want_ids 1 6)" \
	'without what was twice in the others'

# What is damaged is not the one that stays of two.
fill first 10 1 -z none -P all
fill first 10 1 -z none -P all
broken=$(lake_parts first | head -n 1)
sed 's/"x":2.0/"x":9.9/' "$(lake_look first)/$broken" >"$T/broken"
lake_drop first "$broken"
lake_put "$T/broken" first "$broken"
status 65 'duplicates of what is damaged' dl-lake-tidy --dedupe "${at}first"
is "$(lake_with_parts first grep -h '"x":2.0' | wc -l)" 10 'stay'

# A run of a writer that is repeated finds its events in what they became.
journal() { checkpoint 0; events 1 30; checkpoint 30; events 31 60; checkpoint 60; }
journal | dl-lake-write -P all "${at}journal" >/dev/null
journal | sed 's/"e0/"f0/; s/lake"/other"/' |
	dl-lake-write -P all "${at}journal" >/dev/null
status 0 'what a journal names' dl-lake-tidy "${at}journal"
is "$(count journal)" 1 'is merged'
journal | dl-lake-write -P all "${at}journal" >/dev/null
is "$(read_ids journal)" "$( (want_ids 1 60; want_ids 1 60 | sed s/e/f/) | sort)" \
	'and not stored again'

# Usage

status 64 'a target of nothing' dl-lake-tidy --target 0 "${at}plain"
status 64 'too many jobs' dl-lake-tidy -j 17 "${at}plain"
status 75 'no such lake' dl-lake-tidy "${at}nowhere"
status 75 'a dry run of none' dl-lake-tidy --dry-run "${at}nowhere"
status 75 'one of two' dl-lake-tidy "${at}nowhere" "${at}plain"
lock=$(lake_state plain)/lock/_tidy
flock -n "$lock" dl-lake-tidy "${at}plain" 2>"$T/err"
is $? 75 'one tidying at a time'
like "$(cat "$T/err")" 'tidying of ' 'says so'

# Lifecycle

if [ "$lake_on" = s3 ]; then
	status 0 'rules' dl-lake-tidy --lifecycle --expire "old: 36h" \
		"${at}old" "${at}plain"
	is "$(xmllint --xpath 'string(//*[local-name()="Days"])' "$T/out")" 2 \
		'whole days'
	is "$(xmllint --xpath '//*[local-name()="Prefix"]/text()' "$T/out" |
		xargs)" "${lake_in}old/dt= ${lake_in}old/ ${lake_in}plain/" \
		'for partitions'
	done_testing
	exit
fi
status 64 'no bucket' dl-lake-tidy --lifecycle plain
like "$(cat "$T/err")" 'not on S3' 'no rules'

# From here on: directories.

# What is not ours stays, and what may be done in a directory.
fill foreign 10 3 -z none -P all
dir=$DL_HOME/lake/foreign/all
echo hello >"$dir/README"
echo hidden >"$dir/.hidden"
ln -s README "$dir/link"
chmod 2750 "$dir"
status 0 'foreign files' dl-lake-tidy foreign
is "$(find "$dir" -mindepth 1 -printf '%f\n' | sed 's/part-.*/part/' | sort |
	xargs)" '.hidden README link part' 'stay'
is "$(stat -c %a "$dir") $(readlink "$dir/link") $(cat "$dir/README")" \
	'2750 README hello' 'as they were'
fill nested 10 3 -z none -P all
mkdir "$DL_HOME/lake/nested/all/deep"
status 0 'a directory among parts' dl-lake-tidy nested
like "$(cat "$T/err")" 'directories beside its parts' 'is told'
is "$(count nested)" 3 'and the parts stay'
mv "$DL_HOME/lake/nested/all/deep" "$DL_HOME/lake/nested/all/.deep"
status 0 'a hidden one' dl-lake-tidy nested
like "$(cat "$T/err")" "directory in it \('.deep'\)" 'is told too'
is "$(count nested)/$(read_ids nested)" "3/$(want_ids 1 30)" 'and harmless'
is "$(find "$DL_HOME"/lake/{nested/_dl/staging,.*.exchange} -type f 2>/dev/null)" '' \
	'nothing is left over'
is "$(lake_manifest nested | tail -n 1 | jq -c '[(.gone | length), .why]')" \
	'[1,"not exchanged"]' 'the manifest says so'

# claim NAME HEIR PART: put into the manifest that HEIR merged PART.
claim() {
	local dir=$DL_HOME/lake/$1 f=$DL_HOME/lake/$1/$2
	printf '{"part":"%s","records":%d,"bytes":%d,"unpacked":%d,"sha256":"%s","merged":["%s"],"of":[{"part":"%s","records":%d,"bytes":%d}]}\n' \
		"$2" "$(wc -l <"$f")" "$(stat -c %s "$f")" "$(stat -c %s "$f")" \
		"$(sha256sum "$f" | cut -d ' ' -f 1)" "$3" "$3" \
		"$(wc -l <"$f")" "$(stat -c %s "$f")" >"$T/lines"
	cat "$dir/_dl/manifest.ndjson" >>"$T/lines"
	cp "$T/lines" "$dir/_dl/manifest.ndjson"
}
all_ids() { lake_with_parts "$1" cat | ids; }

# A part that is said to be merged goes only if all of it is elsewhere.
fill liar 10 2 -z none -P all
read -r one two <<<"$(lake_parts liar | xargs)"
claim liar "$two" "$one"
status 65 'a manifest that lies' dl-lake-tidy liar
like "$(cat "$T/err")" "$one' stays.*nowhere else" 'is told'
is "$(all_ids liar)" "$(want_ids 1 20)" 'and costs nothing'
fill ring 10 2 -z none -P all
read -r one two <<<"$(lake_parts ring | xargs)"
claim ring "$two" "$one"
claim ring "$one" "$two"
status 65 'two that have merged each other' dl-lake-tidy ring
is "$(all_ids ring)" "$(want_ids 1 20)" 'stay'
fill self 10 2 -z none -P all
read -r one two <<<"$(lake_parts self | xargs)"
claim self "$one" "$one"
status 0 'one that has merged itself' dl-lake-tidy self
is "$(all_ids self)" "$(want_ids 1 20)" 'stays'
for name in left heir; do
	fill $name 10 2 -z none -P all
	events 1 12 | dl-lake-write -z none -P all $name
	cp -a "$DL_HOME/lake/$name/all" "$T/$name"
	status 0 'parts are merged' dl-lake-tidy --dedupe $name
done
cp -a "$T/left/." "$DL_HOME/lake/left/all"
status 0 'what is left of them' dl-lake-tidy left
is "$(all_ids left)" "$(want_ids 1 20)" 'goes, duplicates too'
sed -i '3s/2.0/2.1/' "$DL_HOME/lake/heir/$(lake_parts heir)"
cp -a "$T/heir/." "$DL_HOME/lake/heir/all"
status 65 'what became of them is damaged' dl-lake-tidy heir
is "$(all_ids heir | sort -u)/$(count heir)" "$(want_ids 1 20)/4" 'they stay'

# What is said of many parts is not one line that nobody reads.
fill many 10 2 -z none -P all
awk -v parts="$(lake_parts many | xargs)" 'BEGIN {
	n = split(parts, part, " ")
	for (i = 1; i <= n; i++) {
		printf "{\"part\":\"%s\",\"records\":10,\"of\":[", part[i]
		for (k = 0; k < 100000; k++)
			printf "{\"part\":\"all/part-01ARZ3NDEKTSV4RRFF%08d.ndjson.zst\",\"records\":0,\"bytes\":0},", k + i * 100000
		printf "{\"part\":\"all/p%d\",\"records\":10,\"bytes\":1220}]}\n", i
	}
}' >"$DL_HOME/lake/many/_dl/manifest.ndjson"
status 0 'parts that were made of very many' dl-lake-tidy many
status 0 'are not merged' dl-lake-tidy many
is "$(count many)/$(read_ids many)" "2/$(want_ids 1 20)" 'and are read'

# A note of an exchange is anybody's.
mkdir -p "$DL_HOME/lake/self/_dl/exchange/01ARZ3NDEKTSV4RRFFQ69G5FAV"
echo precious >"$T/precious"
printf 'all\0../../../../../../../../../..%s\0' "$T/precious" \
	>"$DL_HOME/lake/self/_dl/exchange/01ARZ3NDEKTSV4RRFFQ69G5FAV.of"
status 65 'a note that leads out of the lake' dl-lake-tidy self
is "$(cat "$T/precious")" precious 'is not followed'

# A dry run changes nothing at all.
look() { find "$DL_HOME/lake/foreign" -printf '%p %i %s %T@\n' | sort; }
events 1 10 | dl-lake-write -z none -P all foreign
look >"$T/before"
status 0 'a dry run' dl-lake-tidy --dry-run --dedupe --expire 1d foreign
like "$(cat "$T/out")" 'would expire' 'has plans'
is "$(look | diff - "$T/before")" '' 'changes nothing'

# No room: nothing is lost, and the next run goes on.
fill full 200 4 -z none -P all
(
	ulimit -f 64
	trap '' XFSZ
	dl-lake-tidy full 2>"$T/err"
)
is $? 75 'no room'
like "$(cat "$T/err")" 'full/_dl/staging/.*too large' 'is told'
is "$(count full)/$(read_ids full)" "4/$(want_ids 1 800)" 'and costs nothing'
is "$(find "$DL_HOME"/lake/{full/_dl/staging,.*.exchange} -type f 2>/dev/null)" '' \
	'nothing is left over'
status 0 'with room' dl-lake-tidy full
is "$(count full)/$(read_ids full)" "1/$(want_ids 1 800)" 'it goes on'

# A signal ends it, at once or well.
fill signal 2000 8 -z none -P all
timeout -s TERM --preserve-status 0.01 dl-lake-tidy signal 2>"$T/err"
like "$?" '^(0|75|143)$' 'a signal'
is "$(read_ids signal)" "$(want_ids 1 16000)" 'costs nothing'
status 0 'then' dl-lake-tidy signal
is "$(count signal)" 1 'it goes on'

# Who may not read the parts may not read what they become.
if [ "$lake_on" = disk ]; then
	fill private 6 2 -P all
	chmod 600 "$DL_HOME"/lake/private/all/part-*
	chmod 640 "$(lake_parts private | head -n 1 | sed "s|^|$DL_HOME/lake/private/|")"
	status 0 'parts that are private' dl-lake-tidy private
	is "$(stat -c %a "$DL_HOME"/lake/private/all/part-*)" 600 'stay so'
fi

done_testing
