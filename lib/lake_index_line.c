/* A line of the manifest, taken in. */
#include "lake_index_private.h"

#include "json.h"
#include "num.h"

static int
read_count(struct dl_span value, uint64_t *n)
{
	struct dl_err ignored = {0};
	int64_t count;

	if (dl_num_count(value, &count, &ignored) < 0)
		return -1;
	*n = (uint64_t)count;
	return 0;
}

static int
read_time(struct dl_span value, struct dl_time *t)
{
	struct dl_err ignored = {0};

	if (value.len < 2 || value.p[0] != '"')
		return -1;
	return dl_time_parse(dl_span(value.p + 1, value.len - 2), t, &ignored);
}

/* The text of a string that is the name of a part; scratch is cleared. */
static int
read_name(struct dl_span value, struct dl_buf *scratch, struct dl_span *name)
{
	dl_buf_clear(scratch);
	if (dl_json_string(value, scratch, name) < 0)
		return -1;
	return dl_lake_name_ok(*name) ? 0 : -1;
}

static int
count_elements(struct dl_span array, size_t *n)
{
	struct dl_json_iter it;
	struct dl_span value;
	int r;

	*n = 0;
	dl_json_enter(&it, array);
	while ((r = dl_json_element(&it, &value)) > 0)
		++*n;
	return r;
}

static int
read_of(struct dl_lake_index *x, struct dl_span object, struct dl_buf *scratch,
    struct dl_lake_of *of)
{
	struct dl_json_iter it;
	struct dl_span key, value, text;
	bool at = false;
	int r;

	*of = (struct dl_lake_of){.part = NULL};
	dl_json_enter(&it, object);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		r = 0;
		if (dl_span_is(key, "part")) {
			if ((r = read_name(value, scratch, &text)) == 0)
				of->part = dl_lake_index_name(x, text)->text;
		} else if (dl_span_is(key, "at")) {
			r = read_time(value, &of->at);
			at = true;
		} else if (dl_span_is(key, "records")) {
			r = read_count(value, &of->records);
		} else if (dl_span_is(key, "bytes")) {
			r = read_count(value, &of->bytes);
		}
		if (r < 0)
			return -1;
	}
	if (r < 0 || of->part == NULL)
		return -1;
	if (!at)
		dl_lake_index_time(of->part, &of->at);
	return 0;
}

static int
read_ofs(struct dl_lake_index *x, struct dl_span array, struct dl_buf *scratch,
    struct dl_lake_entry *e)
{
	struct dl_json_iter it;
	struct dl_lake_of *of;
	struct dl_span value;
	size_t n;

	if (count_elements(array, &n) < 0)
		return -1;
	of = dl_lake_index_take(x, n * sizeof(*of));
	dl_json_enter(&it, array);
	for (e->nof = 0; dl_json_element(&it, &value) > 0; e->nof++)
		if (read_of(x, value, scratch, &of[e->nof]) < 0)
			return -1;
	e->of = of;
	return 0;
}

static int
read_merged(struct dl_lake_index *x, struct dl_span array,
    struct dl_buf *scratch, struct dl_lake_entry *e)
{
	struct dl_json_iter it;
	struct dl_span value, text;
	const char **merged;
	size_t n;

	if (count_elements(array, &n) < 0)
		return -1;
	merged = dl_lake_index_take(x, n * sizeof(*merged));
	dl_json_enter(&it, array);
	for (e->nmerged = 0; dl_json_element(&it, &value) > 0; e->nmerged++) {
		if (read_name(value, scratch, &text) < 0)
			return -1;
		merged[e->nmerged] = dl_lake_index_name(x, text)->text;
	}
	e->merged = merged;
	return 0;
}

static const char *
read_sha256(struct dl_lake_index *x, struct dl_span value)
{
	return value.len == 66 && value.p[0] == '"' &&
	               strspn(value.p + 1, "0123456789abcdef") == 64
	           ? dl_lake_index_keep(x, dl_span(value.p + 1, 64))
	           : NULL;
}

/* What a line says, where it is not of an entry: parts that are gone. */
struct said {
	struct dl_span part, gone; /* JSON; absent: it does not say */
	bool at, first, last;
};

static int
read_member(struct dl_lake_index *x, struct dl_span key, struct dl_span value,
    struct dl_buf *scratch, struct dl_lake_entry *e, struct said *said)
{
	if (dl_span_is(key, "part"))
		said->part = value;
	else if (dl_span_is(key, "gone"))
		said->gone = value;
	else if (dl_span_is(key, "records"))
		return read_count(value, &e->records);
	else if (dl_span_is(key, "bytes"))
		return read_count(value, &e->bytes);
	else if (dl_span_is(key, "untimed"))
		return read_count(value, &e->untimed);
	else if (dl_span_is(key, "unpacked"))
		return read_count(value, &e->unpacked);
	else if (dl_span_is(key, "sha256"))
		return (e->sha256 = read_sha256(x, value)) == NULL ? -1 : 0;
	else if (dl_span_is(key, "merged"))
		return read_merged(x, value, scratch, e);
	else if (dl_span_is(key, "of"))
		return read_ofs(x, value, scratch, e);
	else if (dl_span_is(key, "at"))
		return said->at = true, read_time(value, &e->at);
	else if (dl_span_is(key, "first"))
		return said->first = true, read_time(value, &e->first);
	else if (dl_span_is(key, "last"))
		return said->last = true, read_time(value, &e->last);
	return 0;
}

/* Entry number entry has taken in the part of this name. */
static void
add_heir(struct dl_lake_index *x, const char *part, uint32_t entry, bool merged)
{
	struct dl_lake_name *n = dl_lake_index_name(x, dl_span_str(part));
	uint32_t link = (uint32_t)x->nheirs;

	if (n->newest != DL_LAKE_NONE && x->heirs[n->newest].entry == entry) {
		x->heirs[n->newest].merged |= merged;
		return;
	}
	x->heirs = dl_lake_index_more(x->heirs, x->nheirs, sizeof(*x->heirs));
	x->heirs[x->nheirs++] =
	    (struct dl_lake_link){entry, DL_LAKE_NONE, merged};
	if (n->newest == DL_LAKE_NONE)
		n->heir = link;
	else
		x->heirs[n->newest].next = link;
	n->newest = link;
}

static int
add_entry(struct dl_lake_index *x, struct dl_lake_entry *e, struct dl_span line,
    const struct said *said, struct dl_buf *scratch)
{
	uint32_t number = (uint32_t)x->nentries;
	struct dl_span text;
	struct dl_lake_name *n;
	size_t i;

	if (read_name(said->part, scratch, &text) < 0)
		return -1;
	n = dl_lake_index_name(x, text);
	e->part = n->text;
	if (n->entry == DL_LAKE_NONE)
		n->entry = number;
	if (!said->at)
		dl_lake_index_time(e->part, &e->at);
	if (e->sha256 == NULL)
		e->sha256 = "";
	e->timed = said->first && said->last;
	e->number = x->lines;
	e->line = dl_span(dl_lake_index_keep(x, line), line.len);
	x->entries =
	    dl_lake_index_more(x->entries, x->nentries, sizeof(*x->entries));
	x->entries[x->nentries++] = *e;
	for (i = 0; i < e->nof; i++)
		add_heir(x, e->of[i].part, number, false);
	for (i = 0; i < e->nmerged; i++)
		add_heir(x, e->merged[i], number, true);
	return 0;
}

static int
add_gone(struct dl_lake_index *x, struct dl_span array,
    const struct dl_time *at, struct dl_buf *scratch)
{
	struct dl_json_iter it;
	struct dl_span value, text;
	struct dl_lake_name *n;
	int r;

	dl_json_enter(&it, array);
	while ((r = dl_json_element(&it, &value)) > 0) {
		if (read_name(value, scratch, &text) < 0)
			return -1;
		n = dl_lake_index_name(x, text);
		n->gone = true;
		n->gone_at = *at;
	}
	return r;
}

int
dl_lake_index_line(
    struct dl_lake_index *x, struct dl_span line, struct dl_buf *scratch)
{
	struct dl_lake_entry e = {.part = NULL};
	struct said said = {.at = false};
	struct dl_err ignored = {0};
	struct dl_json_iter it;
	struct dl_span key, value;
	int r;

	if (dl_json_check(line, &ignored) < 0)
		return -1;
	dl_json_enter(&it, line);
	while ((r = dl_json_member(&it, &key, &value)) > 0)
		if (read_member(x, key, value, scratch, &e, &said) < 0)
			return -1;
	if (r < 0)
		return -1;
	if (said.gone.p != NULL && add_gone(x, said.gone, &e.at, scratch) < 0)
		return -1;
	/* Lines of kinds that are not known yet say nothing to us. */
	return said.part.p == NULL ? 0 : add_entry(x, &e, line, &said, scratch);
}
