#include "expr_prelude.h"

static const struct {
	const char *name;
	int nparams;
	const char *text;
} functions[] = {
    {"map", 1, "def map(f): [.[] | f]; ."},
    {"map_values", 1, "def map_values(f): .[] |= f; ."},
    {"with_entries", 1,
	"def with_entries(f): to_entries | map(f) | from_entries; ."},
    {"sort_by", 1, "def sort_by(f): _sort_by_impl(map([f])); ."},
    {"group_by", 1, "def group_by(f): _group_by_impl(map([f])); ."},
    {"unique_by", 1, "def unique_by(f): _unique_by_impl(map([f])); ."},
    {"min_by", 1, "def min_by(f): _min_by_impl(map([f])); ."},
    {"max_by", 1, "def max_by(f): _max_by_impl(map([f])); ."},
    {"arrays", 0, "def arrays: select(type == \"array\"); ."},
    {"objects", 0, "def objects: select(type == \"object\"); ."},
    {"iterables", 0,
	"def iterables: select(type == \"array\" or type == \"object\"); ."},
    {"booleans", 0, "def booleans: select(type == \"boolean\"); ."},
    {"numbers", 0, "def numbers: select(type == \"number\"); ."},
    {"strings", 0, "def strings: select(type == \"string\"); ."},
    {"nulls", 0, "def nulls: select(. == null); ."},
    {"values", 0, "def values: select(. != null); ."},
    {"scalars", 0,
	"def scalars: select(type != \"array\" and type != \"object\"); ."},
    {"isfinite", 0,
	"def isfinite: type == \"number\" and (isinfinite | not); ."},
    {"finites", 0, "def finites: select(isfinite); ."},
    {"normals", 0, "def normals: select(isnormal); ."},
    {"in", 1, "def in(xs): . as $x | xs | has($x); ."},
    {"inside", 1, "def inside(xs): . as $x | xs | contains($x); ."},
    {"IN", 1, "def IN(s): last(first(select(. == s)) | true) // false; ."},
    {"IN", 2, "def IN(src; s): last(src | IN(s) | select(.)) // false; ."},
    {"isempty", 1, "def isempty(g): 0 == (first(g | 1) // 0); ."},
    {"any", 1, "def any(f): any(.[]; f); ."},
    {"any", 0, "def any: any(.[]; .); ."},
    {"all", 1, "def all(f): all(.[]; f); ."},
    {"all", 0, "def all: all(.[]; .); ."},
    {"first", 0, "def first: .[0]; ."},
    {"last", 0, "def last: .[-1]; ."},
    {"nth", 1, "def nth($n): .[$n]; ."},
    {"nth", 2,
	"def nth($n; g): if $n < 0 then "
	"error(\"nth doesn't support negative indices\") "
	"else last(limit($n + 1; g)) end; ."},
    {"todateiso8601", 0,
	"def todateiso8601: strftime(\"%Y-%m-%dT%H:%M:%SZ\"); ."},
};

const char *
dl_prelude_find(struct dl_span name, int nparams)
{
	size_t i;

	for (i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (functions[i].nparams == nparams &&
		    dl_span_is(name, functions[i].name))
			return functions[i].text;
	return NULL;
}
