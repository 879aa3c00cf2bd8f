#!/usr/bin/env bash
# dl-source's formats, each beside somebody else's reader of it: Python's csv
# and json, miller, xmllint; packed, recoded, and broken.
. tests/tap.sh
. tests/servers/nginx.sh

unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

# spec NAME LINE...: $T/NAME.yaml, a specification
spec() {
	local name=$1
	shift
	printf '%s\n' "name: $name" "$@" >"$T/$name.yaml"
}
# from NAME: standard input by it; items in $T/items, one a line.
from() {
	rm -f "$T/dead"
	dl-source -d "$T/dead" "$T/$1.yaml" - >"$T/out" 2>"$T/err" || return
	data <"$T/out" >"$T/items"
}
# The data of events, byte for byte; "data" may stand in them too.
data() { sed -E 's/^.*"recordedtime":"[^"]*"(,"dlorigin":"[^"]*")?,"data"://; s/}$//'; }
items() { paste -sd' ' "$T/items"; }
codes() { jq -r .data.code "$T/dead" 2>/dev/null | paste -sd' '; }
# The same values, whatever the writing of strings and numbers.
same() {
	is "$(jq -cS . "$T/items" | sha256sum)" "$(jq -cS . "$1" | sha256sum)" \
		"$2"
}

## Packed: gzip, zstd, deflate, told by their first bytes.

seq 1 20000 | sed 's/.*/{"n":&,"text":"abc &"}/' >"$T/plain"
deflate() { python3 -c 'import sys, zlib
sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read()))'; }
gzip -c "$T/plain" >"$T/p.gz"
zstd -qc "$T/plain" >"$T/p.zst"
deflate <"$T/plain" >"$T/p.zz"
spec nd 'format: ndjson'
for f in gz zst zz; do
	from nd <"$T/p.$f"
	is "$(cmp "$T/items" "$T/plain" 2>&1)" '' "standard input, packed as .$f"
done
{ head -n 9000 "$T/plain" | gzip; tail -n +9001 "$T/plain" | gzip; } >"$T/two.gz"
{ head -n 9000 "$T/plain" | zstd -q; tail -n +9001 "$T/plain" | zstd -q; } >"$T/two.zst"
for f in gz zst; do
	from nd <"$T/two.$f"
	is "$(cmp "$T/items" "$T/plain" 2>&1)" '' "two members or frames of .$f"
done
cp "$T/p.gz" "$T/plain.ndjson.gz"
spec file 'format: ndjson' "url: file://$T/plain.ndjson.gz"
dl-source "$T/file.yaml" | grep -v dl.checkpoint | data >"$T/items"
is "$(cmp "$T/items" "$T/plain" 2>&1)" '' 'a file that is packed'

spec gz 'format: ndjson' 'unpack: gzip'
status 65 'unpack says gzip, and it is not' dl-source "$T/gz.yaml" - <"$T/plain"
like "$(cat "$T/err")" '<stdin>: the gzip is corrupt, after [0-9]+ bytes of it: incorrect header check' \
	'... and it says so'
spec bare 'format: ndjson' 'unpack: deflate'
python3 -c 'import sys, zlib
z = zlib.compressobj(wbits=-15)
sys.stdout.buffer.write(z.compress(sys.stdin.buffer.read()) + z.flush())' <"$T/plain" >"$T/bare"
from bare <"$T/bare"
is "$(cmp "$T/items" "$T/plain" 2>&1)" '' 'bare deflate, where unpack says so'

head -c -5 "$T/p.gz" >"$T/cut.gz"
status 65 'a gzip that ends too early: status 65' dl-source "$T/nd.yaml" - <"$T/cut.gz"
like "$(cat "$T/err")" 'the gzip ends too early, after [0-9]+ bytes' '... and it says so'
# 3 GB of zeros in 93 KB.
head -c 300M /dev/zero | zstd -q >"$T/bomb.zst"
for ((i = 0; i < 10; i++)); do cat "$T/bomb.zst"; done >"$T/bombs.zst"
( [ "${FLAVOUR-}" = san ] || ulimit -v 600000
	exec timeout 60 dl-source -d "$T/dead" "$T/nd.yaml" - ) <"$T/bombs.zst" >"$T/out" 2>"$T/err"
is $? 65 'a bomb is an error'
like "$(cat "$T/err")" 'unfolds to more than 1100 times its size' '... and it says so'

## TSV, as miller writes it.

spec tsv 'format: tsv'
printf 'a\tb c\td"\n1\tx y\t"q"\n-0.50\t\t007\r\n' >"$T/in"
from tsv <"$T/in"
is "$(items)" '{"a":1,"b c":"x y","d\"":"\"q\""} {"a":-0.50,"b c":null,"d\"":"007"}' \
	'tsv: no quotes, types as in csv'
python3 - "$T/j" <<'P'
import json, random, sys
r = random.Random(5)
with open(sys.argv[1], "w") as f:
    for i in range(2000):
        f.write(json.dumps({k: "s" + "".join(r.choice("ab \t\n\\\"',;é€𝄞")
            for _ in range(r.randrange(12))) for k in ("k", "ü", "x y")},
            ensure_ascii=False) + "\n")
P
mlr --ijsonl --otsv cat "$T/j" >"$T/in"
from tsv <"$T/in"
same "$T/j" 'tsv: 2000 rows of odd texts, as miller wrote them'
is "$(codes)" '' '... none is wrong'
printf 'a\tb\n1\n1\t2\t3\n\xff\t1\n1\t2\n' >"$T/in"
from tsv <"$T/in"
is "$(items) $(codes)" '{"a":1,"b":2} tsv tsv tsv' 'tsv: wrong rows are dead letters'
is "$(jq -r .data.error "$T/dead" | head -n 1)" 'line 2: 1 field where the header has 2' \
	'... with their line'
status 65 'tsv: a name twice in the header' dl-source "$T/tsv.yaml" - < <(printf 'a\ta\n')
status 65 'tsv: without a header' dl-source "$T/tsv.yaml" - </dev/null

## CSV, as Python reads and writes it.

python3 - "$T/csv" "$T/j" <<'P'
import csv, json, random, sys
r = random.Random(7)
names = ["k", "ü,x", 'q"q', "l\nl"]
with open(sys.argv[1], "w", newline="") as c, open(sys.argv[2], "w") as j:
    w = csv.writer(c)
    w.writerow(names)
    for i in range(3000):
        row = ["".join(r.choice("ab ,\t\n\r\"';é€𝄞01") for _ in range(r.randrange(9)))
               for _ in names]
        row[0] = "k" + row[0]
        w.writerow(row)
with open(sys.argv[1], newline="") as c, open(sys.argv[2], "w") as j:
    for row in csv.DictReader(c):
        j.write(json.dumps(row) + "\n")
P
spec strings 'format: csv' 'csv_types: strings'
from strings <"$T/csv"
same "$T/j" "csv: 3000 rows of odd texts, as Python's csv reads them"
is "$(wc -l <"$T/items") $(codes)" '3000 ' '... none is wrong'

## Columns: names and types.

spec names 'format: csv' 'names: [a, "b c", c]' 'types: {a: string, c: boolean}'
printf '1,2,true\n007,x,0\n"",,\n' >"$T/in"
from names <"$T/in"
is "$(items)" '{"a":"1","b c":2,"c":true} {"a":"007","b c":"x","c":false} {"a":"","b c":null,"c":null}' \
	'csv without a header: names, and types by column'
spec numbers 'format: tsv' 'csv_types: strings' 'types: {n: number, m: auto}'
printf 'n\tm\ts\n+007\t1\t1\n-00.50\tx\t\n0\t\t2\n' >"$T/in"
from numbers <"$T/in"
is "$(items)" '{"n":7,"m":1,"s":"1"} {"n":-0.50,"m":"x","s":""} {"n":0,"m":null,"s":"2"}' \
	'types: number takes signs and zeros away; the others are strings'
cp "$T/items" "$T/tsv.items"
spec numbers2 'format: csv' 'csv_types: strings' 'types: {n: number, m: auto}'
printf 'n,m,s\n+007,1,1\n-00.50,x,\n0,,2\n' | from numbers2
is "$(items)" "$(paste -sd' ' "$T/tsv.items")" '... and csv says the same'
printf 'n\tm\ts\nx\t1\t1\n1,5\t1\t1\n--1\t1\t1\n+-1\t1\t1\n1e\t1\t1\n0x10\t1\t1\n+\t1\t1\n\t1\t1\n' >"$T/in"
from numbers <"$T/in"
is "$(items) $(codes)" '{"n":null,"m":1,"s":"1"} type type type type type type type' \
	'... and what is none is a dead letter'
is "$(jq -r .data.error "$T/dead" | head -n 1)" "line 2: column 'n': 'x' is no number" \
	'... that says why'
printf '1,2,yes\n' | from names
is "$(items) $(codes)" ' type' 'types: boolean is true, false, 1 or 0'
spec none 'format: csv' 'types: {x: number}'
status 65 'types for a column that is not there' dl-source "$T/none.yaml" - < <(printf 'a\n1\n')
like "$(cat "$T/err")" "'types' has 'x', which is no column" '... and it says so'
# bad_spec WHAT REGEX LINE...
bad_spec() {
	local what=$1 regex=$2
	shift 2
	spec bad "$@"
	status 78 "$what: status 78" dl-source "$T/bad.yaml" - </dev/null
	like "$(cat "$T/err")" "$regex" "$what: it says why"
}
bad_spec 'names twice' "bad.yaml:3: 'names' is wrong: two columns are named 'a'" \
	'format: csv' 'names: [a, a]'
bad_spec 'no names' "'names' has no name" 'format: csv' 'names: []'
bad_spec 'names of json' "'names' is for csv and tsv" 'format: json' 'names: [a]'
bad_spec 'types of json' "'types' is for csv, tsv and text with a 'pattern'" 'format: json' 'types: {a: string}'
bad_spec 'an unknown type' "the type of 'a' is auto, string, number or boolean" \
	'format: csv' 'types: {a: float}'
bad_spec 'types for no name' "'types' has 'b', which is no column" \
	'format: csv' 'names: [a]' 'types: {b: string}'
bad_spec 'an unknown packing' "'unpack' is \"rar\"" 'unpack: rar'

## Other encodings, as iconv writes them.

printf '{"k":"Grüße für 5 €"}\n{"k":"naïve"}\n' >"$T/u8"
for e in ISO-8859-15 UTF-16 UTF-16LE UTF-32BE CP1252 UTF-8; do
	spec enc 'format: ndjson' "encoding: $e"
	iconv -f UTF-8 -t "$e" "$T/u8" | from enc
	is "$(cmp "$T/items" "$T/u8" 2>&1)" '' "ndjson in $e"
done
spec enc 'format: json' 'items: .l' 'encoding: SHIFT_JIS'
printf '{"l":[{"k":"日本語"},{"k":"ソ"}]}' | iconv -f UTF-8 -t SHIFT_JIS | from enc
is "$(items)" '{"k":"日本語"} {"k":"ソ"}' 'json in Shift JIS, whose letters have backslashes in them'
spec enc 'format: csv' 'encoding: ISO-2022-JP'
{ printf 'k\n'; for i in $(seq 3000); do echo "日本語$i"; done; } >"$T/u8"
iconv -f UTF-8 -t ISO-2022-JP "$T/u8" | from enc
is "$(jq -r .k "$T/items" | cmp - <(tail -n +2 "$T/u8") 2>&1)" '' \
	'csv in ISO-2022-JP, which has states, over many reads'
spec enc 'format: ndjson' 'encoding: UTF-16LE'
{ printf '{"k":1}\n' | iconv -t UTF-16LE; printf '"\0\0\xd8"\0\n\0'; printf '{"k":2}\n' | iconv -t UTF-16LE; } | from enc
is "$(items) $(codes)" '{"k":1} {"k":2} json' 'half of a pair in UTF-16 is one dead letter'
bad_spec 'an unknown encoding' "'encoding' is not known: 'KLINGON' is no encoding" 'encoding: KLINGON'
bad_spec "iconv's options" "'encoding' is not known" 'encoding: UTF-8//IGNORE'

## Text: lines, whole or taken apart by a pattern.

spec text 'format: text'
printf 'a "q" \\ é\r\n\n\tb\nlast' | from text
is "$(items)" '{"line":"a \"q\" \\ é"} {"line":"\tb"} {"line":"last"}' 'text: lines'
printf 'a\n\xff\nx\0y\nb\n' | from text
is "$(items) $(codes)" '{"line":"a"} {"line":"b"} text text' '... a wrong one is a dead letter'
spec log 'format: text' 'time: .at' "time_format: '%d/%b/%Y:%H:%M:%S %z'" \
	'types: {status: string}' 'pattern: |-' \
	'  ^(?<host>\S+) \S+ \S+ \[(?<at>[^]]+)\] "(?<method>\w+) (?<path>\S+)[^"]*" (?<status>\d+) (?:(?<bytes>\d+)|-)'
cat >"$T/in" <<'L'
10.0.0.1 - - [23/Nov/2026:10:00:00 +0100] "GET /a HTTP/1.1" 200 512
2001:db8::1 - - [23/Nov/2026:10:00:01 +0100] "POST /b" 404 -
nonsense
L
from log <"$T/in"
is "$(items)" '{"host":"10.0.0.1","at":"23/Nov/2026:10:00:00 +0100","method":"GET","path":"/a","status":"200","bytes":512} {"host":"2001:db8::1","at":"23/Nov/2026:10:00:01 +0100","method":"POST","path":"/b","status":"404","bytes":null}' \
	'text: a pattern with named groups'
is "$(jq -r .time "$T/out" | paste -sd' ')" '2026-11-23T09:00:00Z 2026-11-23T09:00:01Z' '... and the time in it'
is "$(codes) $(jq -r .data.error "$T/dead")" "pattern line 3: it does not match 'pattern'" \
	'... a line that does not match is a dead letter'
python3 - "$T/in" "$T/j" <<'P'
import json, random, re, sys
r = random.Random(3)
pat = re.compile(r"^(?P<k>[a-zé]+)=(?P<v>.*?)(?: #(?P<c>.*))?$")
with open(sys.argv[1], "w") as f, open(sys.argv[2], "w") as j:
    for i in range(2000):
        line = "k" + "".join(r.choice("abé") for _ in range(3)) + "=" + "".join(
            r.choice("a =#\"'\\€") for _ in range(r.randrange(10)))
        f.write(line + "\n")
        j.write(json.dumps(pat.match(line).groupdict()) + "\n")
P
spec kv 'format: text' 'types: {k: string, v: string}' \
	"pattern: '^(?<k>[a-zé]+)=(?<v>.*?)(?: #(?<c>.*))?\$'"
from kv <"$T/in"
# A group that matched nothing is null with us, where Python says "".
jq -c '.c |= if . == "" then null else . end' "$T/j" >"$T/j2"
jq -c '.c |= if . == "" then null else . end' "$T/items" >"$T/i2" && mv "$T/i2" "$T/items"
same "$T/j2" 'text: 2000 lines, as Python takes them apart'
spec hard 'format: text' "pattern: '(?<a>(x+x+)+[yz])'"
{ head -c 60 /dev/zero | tr '\0' x; echo; echo xxy; } >"$T/in"
from hard <"$T/in"
is "$(items) $(codes)" '{"a":"xxy"} pattern' 'a line on which the pattern tries too much is a dead letter'
like "$(jq -r .data.error "$T/dead")" "line 1: 'pattern': match limit" '... that says so'
bad_spec 'a broken pattern' "bad.yaml:3: 'pattern': at byte 6: " 'format: text' "pattern: '(?<a>'"
bad_spec 'no named group' "'pattern': it has no named group" 'format: text' "pattern: '(a)'"
bad_spec 'a pattern of json' "'pattern' is for the format text" 'format: json' "pattern: '(?<a>b)'"

## XML, beside Python's own reader.

spec rss 'format: xml' 'items: /rss/channel/item'
cat >"$T/in" <<'X'
<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE rss [<!ENTITY co "Acme &amp; Sons">]>
<rss xmlns:m="urn:m"><channel><title>no</title>
<item id="1" m:x='&lt;'><title>a &co;</title><cat>x</cat><cat/><m:y><![CDATA[<z>]]></m:y>
</item><!-- c --><item>plain <b>bold</b> text</item><item/><item> </item><x><item>no</item></x>
</channel></rss>
X
from rss <"$T/in"
is "$(items)" '{"@id":"1","@m:x":"<","title":"a Acme & Sons","cat":["x",null],"m:y":"<z>"} {"b":"bold","#text":"plain  text"} null " "' \
	'xml: elements at a path'
cat >"$T/tree.py" <<'P'
import json, random, sys, xml.etree.ElementTree as E

def value(e):
    kids, text = list(e), (e.text or "") + "".join(k.tail or "" for k in e)
    if not kids and not e.attrib:
        return text or None
    o = {"@" + k: v for k, v in e.attrib.items()}
    for k in kids:
        o.setdefault(k.tag, []).append(value(k))
    for n in {k.tag for k in kids}:
        if len(o[n]) == 1:
            o[n] = o[n][0]
    if text.strip(" \t\r\n"):
        o["#text"] = text
    return o

r = random.Random(11)
def build(depth):
    e = E.Element(r.choice("abcdé"))
    for k in r.sample(["p", "q", "ü"], r.randrange(3)):
        e.set(k, r.choice(["", "x<&\"'", "é𝄞", "\n"]))
    e.text = r.choice([None, "", " ", "t", "<&>\"\\", "é€"])
    if depth < 5:
        for _ in range(r.randrange(5)):
            k = build(depth + 1)
            k.tail = r.choice([None, " ", "\n", "tail"])
            e.append(k)
    return e
root = E.Element("l")
for i in range(300):
    root.append(E.Element("i"))
    root[-1].append(build(0))
E.ElementTree(root).write(sys.argv[1], encoding=sys.argv[3], xml_declaration=True)
with open(sys.argv[2], "w") as f:
    for i in E.parse(sys.argv[1]).getroot():
        f.write(json.dumps(value(i)) + "\n")
P
spec tree 'format: xml' 'items: /l/i'
for e in utf-8 utf-16 iso-8859-1; do
	python3 "$T/tree.py" "$T/in" "$T/j" $e
	from tree <"$T/in"
	same "$T/j" "xml in $e: 300 random trees, as Python's reader has them"
done
is "$(wc -l <"$T/items") $(xmllint --xpath 'count(/l/i)' "$T/in")" '300 300' '... and xmllint counts as many'
spec any 'format: xml' "items: '/*/*/b'"
printf '<a><x><b>1</b></x><y><b>2</b><c><b>3</b></c></y><b>4</b></a>' | from any
is "$(items)" '"1" "2"' 'xml: * is any name'
spec whole 'format: xml'
printf '<a>x</a>' | from whole
is "$(items)" '"x"' 'xml: without items, the root'
spec latin 'format: xml' 'encoding: ISO-8859-2'
printf '<?xml version="1.0" encoding="ISO-8859-2"?><a>\xb1</a>' >"$T/in"
from latin <"$T/in"
is "$(items)" '"ą"' 'xml: encoding is stronger than what the document says'
status 65 'xml in an encoding that expat does not know' dl-source "$T/whole.yaml" - <"$T/in"
like "$(cat "$T/err")" "line 1: unknown encoding: set 'encoding'" '... it says what helps'
# bad_xml WHAT REGEX: standard input, by the specification rss.
bad_xml() {
	status 65 "xml: $1: status 65" dl-source "$T/rss.yaml" -
	like "$(cat "$T/err")" "$2" "xml: $1: it says why"
}
bad_xml 'not well-formed' 'the document is not XML: line 2: mismatched tag' < <(printf '<rss>\n<a></rss>')
bad_xml 'cut off' 'no element found' < <(printf '<rss><channel><item>x</item>')
is "$(data <"$T/out")" '"x"' '... what came before it is passed on'
bad_xml 'nothing' 'no element found' </dev/null
bad_xml 'another root' "'/rss/channel/item' leads only to '/' of it" < <(printf '<feed/>')
bad_xml 'an entity of another file' "an entity is in another document, 'file:///etc/passwd'" \
	< <(printf '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><item>&x;</item></channel></rss>')
bad_xml 'an entity that nobody declares' "the entity 'nbsp' is not declared" \
	< <(printf '<!DOCTYPE rss SYSTEM "x.dtd"><rss><channel><item>&nbsp;</item></channel></rss>')
bad_xml 'one in an attribute' "line 2: the entity 'nbsp' is not declared" \
	< <(printf '<!DOCTYPE rss SYSTEM "x.dtd">\n<rss><channel><item a="x&nbsp;y"/></channel></rss>')
is "$(cat "$T/out")" '' '... its item is none'
bad_xml 'one in an attribute, in UTF-16' "the entity 'nbsp' is not declared" \
	< <(printf '<!DOCTYPE rss SYSTEM "x.dtd"><rss><channel><item a="☀&nbsp;"/></channel></rss>' | iconv -f UTF-8 -t UTF-16)
bad_xml "one in an attribute's default" "the entity 'nbsp' is not declared" \
	< <(printf '<!DOCTYPE rss SYSTEM "x.dtd" [<!ATTLIST item a CDATA "&nbsp;">]><rss><channel><item/></channel></rss>')
bad_xml 'one in an entity, in an attribute' "the entity 'b' is not declared" \
	< <(printf '<!DOCTYPE rss SYSTEM "x.dtd" [<!ENTITY b "x&nbsp;">]><rss><channel><item a="&b;"/></channel></rss>')
bad_xml 'one after a parameter entity' "the entity 'nbsp' is not declared" \
	< <(printf '<!DOCTYPE rss [<!ENTITY %% p SYSTEM "x"> %%p;]><rss><channel><item a="&nbsp;"/></channel></rss>')
cat >"$T/in" <<'X'
<!DOCTYPE rss SYSTEM "x.dtd" [<!ENTITY co "Acme &amp; Sons"><!ENTITY in '<b c="&co;"/>'><!ATTLIST item d CDATA "'&co;">]>
<rss><channel><item a="&lt;&#38;nbsp;&co;">&in;</item></channel></rss>
X
for e in UTF-8 UTF-16LE UTF-16BE; do
	{ printf '\xef\xbb\xbf'; cat "$T/in"; } | iconv -f UTF-8 -t "$e" | from rss
	is "$(items)" '{"@a":"<&nbsp;Acme & Sons","@d":"'\''Acme & Sons","b":{"@c":"Acme & Sons"}}' \
		"xml in $e: declared ones are read, whatever is declared elsewhere"
done
bad_xml 'names without end' 'line [0-9]+: names and declarations that take more than 25165824 bytes of memory' \
	< <(echo '<rss>'; seq 1000000 | sed 's/.*/<n& a="1"\/>/')
bad_xml 'declarations without end' 'names and declarations that take more than' \
	< <(echo '<!DOCTYPE rss ['; seq 1000000 | sed 's/.*/<!ENTITY e& "some text of &">/')
bad_xml '600 levels' 'more than 512 elements in each other' < <(for ((i = 0; i < 600; i++)); do printf '<a>'; done)
{
	printf '<!DOCTYPE rss [<!ENTITY a "%01000d">' 0
	for p in a:b b:c c:d d:e; do
		printf '<!ENTITY %s "' "${p#*:}"
		for ((i = 0; i < 100; i++)); do printf '&%s;' "${p%:*}"; done
		printf '">'
	done
	printf ']><rss><channel><item>&e;</item><item>2</item></channel></rss>'
} >"$T/laughs"
bad_xml 'a billion laughs' 'limit on input amplification factor' <"$T/laughs"
bad_xml 'a tag that does not end' 'markup longer than the limit of 1048576' \
	< <(printf '<rss a="'; head -c 4000000 /dev/zero | tr '\0' x)
{
	printf '<rss><channel><item n="1">'
	head -c 2000000 /dev/zero | tr '\0' x
	printf '</item><item>'
	for ((i = 0; i < 260; i++)); do printf '<d>'; done
	for ((i = 0; i < 260; i++)); do printf '</d>'; done
	printf '</item><item>ok</item></channel></rss>'
} | from rss
is "$(items) $(codes)" '"ok" too-long xml' 'xml: an item too long or too deep is a dead letter'
is "$(jq -c '[.data.record, .data.bytes]' "$T/dead" | head -n 1)" '["<item n=\"1\">",2000019]' \
	'... that has its tag and its length'
bad_spec 'a path that is none' "'items': 'rss/item' is no path of elements" 'format: xml' 'items: rss/item'
{ echo '<l>'; seq 300000 | sed 's/.*/<i n="&"><a>text &<\/a><b\/><\/i>/'; echo '</l>'; } >"$T/in"
from tree <"$T/in"
is "$(wc -l <"$T/items") $(tail -n 1 "$T/items")" '300000 {"@n":"300000","a":"text 300000","b":null}' \
	'xml: 300,000 items, streamed'

## Server-sent events.

spec sse 'format: sse'
printf ': hi\nretry: 5\n\nid: 1\ndata: {"a": 1}\n\nevent: add\ndata: x\ndata:  y\ndata\n\nid\ndata:5\n\r\nevent: none\n\ndata: lost\n' | from sse
is "$(items)" '{"event":"message","id":"1","data":{"a":1}} {"event":"add","id":"1","data":"x\n y\n"} {"event":"message","data":5}' \
	'sse: events, their ids, several lines of data'
printf 'data: a\r\rdata: b\r\n\r\ndata: c\n\n' | from sse
is "$(items)" '{"event":"message","data":"a"} {"event":"message","data":"b"} {"event":"message","data":"c"}' \
	'sse: lines end in CR, CRLF or LF'
{ printf 'data: \xff\ndata: 2\n\ndata: '; head -c 2000000 /dev/zero | tr '\0' x; printf '\n\ndata: 1\n\n'; } | from sse
is "$(items) $(codes)" '{"event":"message","data":1} sse too-long' 'sse: wrong events are dead letters'
is "$(jq -c '.data.bytes' "$T/dead" | tail -n 1)" 2000006 '... with their length'

## Raw: the document as it came.

spec raw 'format: raw'
head -c 3000 /dev/urandom >"$T/in"
from raw <"$T/in"
is "$(jq -r .data_base64 "$T/out" | base64 -d | cmp - "$T/in" 2>&1)" '' 'raw: every byte'
is "$(jq -c '[.datacontenttype, has("data"), .type]' "$T/out")" '["application/octet-stream",false,"dl.record"]' \
	'... data_base64, and no data'
from raw <"$T/p.gz"
is "$(jq -r .data_base64 "$T/out" | base64 -d | cmp - "$T/p.gz" 2>&1)" '' 'raw: packed stays packed'
printf '\xef\xbb\xbfx' | from raw
is "$(jq -r .data_base64 "$T/out")" 77u/eA== 'raw: a byte order mark is kept'
export DL_NOW=2026-01-01T00:00:00Z
printf a | from raw && a=$(jq -r .id "$T/out")
printf b | from raw
is "$([ "$a" != "$(jq -r .id "$T/out")" ] && echo differ)" differ 'raw: other bytes have another id'
unset DL_NOW
head -c 2000000 /dev/zero | from raw
is "$(cat "$T/out") $(codes) $(jq .data.bytes "$T/dead")" ' too-long 2000000' 'raw: too long is a dead letter'
bad_spec 'raw with a subject' "'format' is raw, of which neither" 'format: raw' 'subject: .id'
dl-source "$T/raw.yaml" - <"$T/u8" | dl-lake-write "$T/lake" && dl-lake-read "$T/lake" >"$T/out"
is "$(jq -r .data_base64 "$T/out" | base64 -d | cmp - "$T/u8" 2>&1)" '' 'raw: through a lake and back'

## auto: by content type, name, first bytes; and over HTTP.

mkdir "$T/www"
printf '{"a":1}\n{"a":2}\n' >"$T/www/lines"
gzip -c "$T/www/lines" >"$T/www/l.ndjson.gz"
printf 'a\n1\n' >"$T/www/t.CSV"
printf '\xef\xbb\xbf a\t<b\n1\t2\n' >"$T/www/x.tsv"
printf '[1,{"a":\n2}]' >"$T/www/list"
printf '{\n"a":1}\n' >"$T/www/object"
printf '<a>x</a>' >"$T/www/tree"
printf 'line\n' >"$T/www/x.log"
printf 'a,b\n1,2\n' >"$T/www/rows"
printf 'data: 1\n\n' >"$T/www/events"
printf '<!DOCTYPE html><p>Sorry</p>' >"$T/www/page"
cat >"$T/more" <<'N'
location /json/ { default_type "application/geo+json; charset=utf-8"; types { } alias @T@/www/; }
location /csv/ { default_type "Text/CSV"; types { } alias @T@/www/; }
location /sse/ { default_type text/event-stream; types { } alias @T@/www/; }
location /html/ { default_type text/html; types { } alias @T@/www/; }
location /octets/ { default_type application/octet-stream; types { } alias @T@/www/; }
N
sed -i "s|@T@|$T|" "$T/more"
nginx_start "$T/more"
spec auto 'format: auto' "url: \${WHERE}"
# auto URL WANT
auto() {
	WHERE=$1 dl-source "$T/auto.yaml" 2>"$T/err" | grep -v dl.checkpoint | data >"$T/items"
	is "$(items)" "$2" "auto: ${1#"${1%/*/*}"/}"
}
auto "file://$T/www/lines" '{"a":1} {"a":2}'
auto "file://$T/www/l.ndjson.gz" '{"a":1} {"a":2}'
auto "file://$T/www/t.CSV" '{"a":1}'
auto "file://$T/www/x.tsv" '{" a":1,"<b":2}'
auto "file://$T/www/list" '1 {"a":2}'
auto "file://$T/www/object" '{"a":1}'
auto "file://$T/www/tree" '"x"'
auto "file://$T/www/x.log" '{"line":"line"}'
echo '{"features":[1,{"a":2}]}' >"$T/www/collection"
spec auto2 'format: auto' 'items: .features' "url: file://$T/www/collection"
dl-source "$T/auto2.yaml" 2>"$T/err" | grep -v dl.checkpoint | data >"$T/items"
is "$(items)" '1 {"a":2}' 'auto: one line of JSON, where items says what is in it'
auto "$nginx_url/octets/lines" '{"a":1} {"a":2}'
auto "$nginx_url/octets/l.ndjson.gz" '{"a":1} {"a":2}'
auto "$nginx_url/json/list" '1 {"a":2}'
auto "$nginx_url/csv/rows" '{"a":1,"b":2}'
auto "$nginx_url/csv/rows?a.json" '{"a":1,"b":2}'
auto "$nginx_url/sse/events" '{"event":"message","data":1}'
auto "file://$T/www/rows" ''
like "$(cat "$T/err")" "www/rows: it does not tell its format: set 'format'" '... and it says what helps'
auto "$nginx_url/html/page" ''
like "$(cat "$T/err")" '/html/page \(text/html\): it does not tell its format' '... a page is none'
# Not before 300 KB of empty lines is it seen to be a page.
{ head -c 300000 /dev/zero | tr '\0' '\n'; cat "$T/www/page"; } >"$T/www/late"
spec late 'format: csv' "url: $nginx_url/html/late"
status 65 'a page after empty lines, for csv: status 65' dl-source "$T/late.yaml"
like "$(cat "$T/err")" "expected CSV, found '<!DOCTYPE html>" '... it says so'
status 65 '... for ndjson: status 65' dl-source "$T/nd.yaml" - <"$T/www/late"
like "$(cat "$T/err")" "expected NDJSON, found '<!DOCTYPE html>" '... it says so'
{ printf '\xef\xbb\xbf'; cat "$T/www/page"; } >"$T/www/marked"
spec late 'format: csv' "url: $nginx_url/html/marked"
status 65 'a page after a byte order mark' dl-source "$T/late.yaml"
like "$(cat "$T/err")" "expected CSV, found '<!DOCTYPE html>" '... it says so'
spec std 'format: auto'
# The event itself is there for its subject.
# shellcheck disable=SC2016 # it is the expression's
spec where 'format: text' "url: file://$T/www/where.txt" \
	'subject: $event.dlorigin | split("/") | last'
echo line >"$T/www/where.txt"
is "$(dl-source "$T/where.yaml" | jq -r 'select(.type == "dl.record") | .subject')" \
	where.txt 'a subject of where it is from'
printf ' \n' | dl-source "$T/std.yaml" - 2>"$T/err"
is $? 65 'auto: nothing but white space tells nothing'
{ printf '{"a":'; sleep 0.2; printf '1}\n{"a":2}\n'; } | from std
is "$(items)" '{"a":1} {"a":2}' 'auto: a first line in pieces'
WHERE="$nginx_url/json/l.ndjson.gz" dl-source <(sed 's/auto/raw/' "$T/auto.yaml") | grep -v dl.checkpoint >"$T/out"
is "$(jq -r .datacontenttype "$T/out")" 'application/geo+json; charset=utf-8' 'raw: its content type'
is "$(jq -r .data_base64 "$T/out" | base64 -d | cmp - "$T/www/l.ndjson.gz" 2>&1)" '' '... and its bytes'

done_testing
