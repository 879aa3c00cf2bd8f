#include "lake_rows.h"

#include "clock.h"
#include "duck.h"
#include "json.h"
#include "num.h"

#include <stdio.h>
#include <stdlib.h>

/* The columns that are not of the data. */
enum {
	ID,
	SOURCE,
	TYPE,
	SUBJECT,
	TIME,
	RECORDED,
	ORIGIN,
	STEPS,
	SEQUENCE, /* from here on only where there is one */
	CAUSATION,
	MORE,
	DATA,
	NOWN
};

static const char *const own_names[NOWN] = {"_id", "_source", "_type",
    "_subject", "_time", "_recordedtime", "_dlorigin", "_dlsteps", "_sequence",
    "_causationid", "_more", "_data"};

/* What a column's times need, a bit each. */
enum {
	FINE = 1, /* nanoseconds */
	FAR = 2,  /* more years than nanoseconds have */
	NONE = 4  /* one is no time, or none that engines have */
};

#define FIRST_MICROSECOND \
	(-62135596800) /* 0001-01-01, which all engines have */
#define FIRST_NANOSECOND \
	(-9223286401) /* of 64 bits, before the first day that has all */

struct column {
	char *name;
	const struct dl_type *type; /* NULL: one of our own, but _data */
};

struct dl_lake_rows {
	struct dl_types *members; /* of data that is an object */
	struct dl_types *others;  /* data that is none */
	unsigned time, recorded;  /* FINE, FAR, NONE */
	bool sequence, causation, more;
	/* once it is settled */
	const struct dl_type *root, *other;
	bool as_text; /* all data is JSON text in _data */
	struct column *columns;
	size_t ncolumns;
	size_t at[NOWN];    /* a column of our own: its number, or NOWN */
	size_t *of_members; /* the numbers of the root's members */
	struct dl_buf scratch;
};

struct dl_lake_rows *
dl_lake_rows_new(void)
{
	struct dl_lake_rows *r = dl_calloc(1, sizeof(*r));

	r->members = dl_types_new();
	r->others = dl_types_new();
	return r;
}

static void
free_columns(struct dl_lake_rows *r)
{
	size_t i;

	for (i = 0; i < r->ncolumns; i++)
		free(r->columns[i].name);
	free(r->columns);
	free(r->of_members);
	r->columns = NULL;
	r->of_members = NULL;
	r->ncolumns = 0;
}

void
dl_lake_rows_free(struct dl_lake_rows *r)
{
	if (r == NULL)
		return;
	free_columns(r);
	dl_types_free(r->members);
	dl_types_free(r->others);
	dl_buf_release(&r->scratch);
	free(r);
}

/* Seeing */

static void
see_time(unsigned *needs, struct dl_span text)
{
	struct dl_err ignored = {0};
	struct dl_time t;

	if (text.p == NULL)
		return;
	if (dl_time_parse(text, &t, &ignored) < 0 ||
	    t.sec < FIRST_MICROSECOND) {
		*needs |= NONE;
		return;
	}
	if (t.nsec % 1000 != 0)
		*needs |= FINE;
	if (t.sec <= FIRST_NANOSECOND || t.sec >= -FIRST_NANOSECOND)
		*needs |= FAR;
}

int
dl_lake_rows_see(
    struct dl_lake_rows *r, const struct dl_event *ev, struct dl_err *err)
{
	see_time(&r->time, ev->time);
	see_time(&r->recorded, ev->recordedtime);
	r->sequence |= ev->sequence.p != NULL;
	r->causation |= ev->causationid.p != NULL;
	r->more |= ev->nextra > 0;
	if (ev->data.p == NULL)
		return 0;
	if (dl_json_check(ev->data, err) < 0)
		return -1;
	dl_types_feed(
	    dl_json_kind(ev->data) == DL_JSON_OBJECT ? r->members : r->others,
	    ev->data);
	return 0;
}

/* Saving */

void
dl_lake_rows_save(struct dl_buf *b, const struct dl_lake_rows *r)
{
	dl_buf_printf(b,
	    "{\"time\":%u,\"recorded\":%u,\"sequence\":%d,\"causation\":%d,"
	    "\"more\":%d,\"members\":",
	    r->time, r->recorded, r->sequence, r->causation, r->more);
	dl_types_save(b, r->members);
	dl_buf_adds(b, ",\"others\":");
	dl_types_save(b, r->others);
	dl_buf_addc(b, '}');
}

static int
load_member(struct dl_lake_rows *r, struct dl_span key, struct dl_span value)
{
	struct dl_err ignored = {0};
	int64_t n;

	if (dl_span_is(key, "members"))
		return dl_types_load(r->members, value);
	if (dl_span_is(key, "others"))
		return dl_types_load(r->others, value);
	if (dl_num_count(value, &n, &ignored) < 0 || n > 7)
		return -1;
	if (dl_span_is(key, "time"))
		r->time |= (unsigned)n;
	else if (dl_span_is(key, "recorded"))
		r->recorded |= (unsigned)n;
	else if (dl_span_is(key, "sequence"))
		r->sequence |= n != 0;
	else if (dl_span_is(key, "causation"))
		r->causation |= n != 0;
	else if (dl_span_is(key, "more"))
		r->more |= n != 0;
	else
		return -1;
	return 0;
}

int
dl_lake_rows_load(struct dl_lake_rows *r, struct dl_span text)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int n;

	dl_json_enter(&it, text);
	while ((n = dl_json_member(&it, &key, &value)) > 0)
		if (load_member(r, key, value) < 0)
			return -1;
	return n;
}

/* Columns */

static bool
taken(const struct dl_lake_rows *r, struct dl_span name,
    const struct dl_span *keys, size_t nkeys)
{
	size_t i;

	for (i = 0; i < nkeys; i++)
		if (dl_types_same_name(keys[i], name))
			return true;
	for (i = 0; i < r->ncolumns; i++)
		if (dl_types_same_name(dl_span_str(r->columns[i].name), name))
			return true;
	return false;
}

/* The name for a column: never empty, without a NUL, and no other's. */
static char *
name_for(const struct dl_lake_rows *r, struct dl_span name,
    const struct dl_span *keys, size_t nkeys)
{
	struct dl_buf b = {0};
	size_t i, len, n;

	for (i = 0; i < name.len; i++)
		dl_buf_addc(&b, name.p[i] == '\0' ? '_' : name.p[i]);
	if (name.len == 0)
		dl_buf_addc(&b, '_');
	len = b.len;
	for (n = 2; taken(r, dl_buf_as_span(&b), keys, nkeys); n++) {
		b.len = len;
		dl_buf_printf(&b, "_%zu", n);
	}
	(void)dl_buf_str(&b);
	return b.p;
}

static size_t
add_column(struct dl_lake_rows *r, char *name, const struct dl_type *type)
{
	r->columns[r->ncolumns].name = name;
	r->columns[r->ncolumns].type = type;
	return r->ncolumns++;
}

static void
add_own(struct dl_lake_rows *r)
{
	const bool wanted[NOWN] = {
	    [SEQUENCE] = r->sequence,
	    [CAUSATION] = r->causation,
	    [MORE] = r->more,
	    [DATA] = r->as_text || r->other->kind != DL_TYPES_NONE,
	};
	size_t i;

	for (i = 0; i < NOWN; i++)
		r->at[i] = i >= SEQUENCE && !wanted[i]
		               ? NOWN
		               : add_column(r, dl_strdup(own_names[i]), NULL);
}

void
dl_lake_rows_settle(
    struct dl_lake_rows *r, const struct dl_span *keys, size_t nkeys)
{
	const struct dl_type_member *m;
	size_t i;

	free_columns(r);
	r->root = dl_types_settle(r->members, DL_TYPES_DUCKDB, true);
	r->other = dl_types_settle(r->others, DL_TYPES_DUCKDB, false);
	r->as_text = r->root->kind == DL_TYPES_JSON;
	r->columns = dl_calloc(NOWN + r->root->nmembers, sizeof(*r->columns));
	r->of_members = dl_calloc(r->root->nmembers + 1, sizeof(size_t));
	add_own(r);
	for (i = 0; i < r->root->nmembers; i++) {
		m = &r->root->members[i];
		r->of_members[i] = add_column(r,
		    name_for(r, dl_span(m->name, m->len), keys, nkeys),
		    m->type);
	}
}

static const char *
time_type(unsigned needs)
{
	if ((needs & NONE) != 0 || (needs & (FINE | FAR)) == (FINE | FAR))
		return "VARCHAR";
	return needs & FINE ? "TIMESTAMP_NS" : "TIMESTAMP";
}

static void
print_type(const struct dl_lake_rows *r, size_t i, struct dl_buf *b,
    enum dl_types_dialect dialect)
{
	bool wire = dialect == DL_TYPES_WIRE;

	if (r->columns[i].type != NULL)
		dl_types_print(b, r->columns[i].type, dialect);
	else if (i == r->at[DATA] && !r->as_text)
		dl_types_print(b, r->other, dialect);
	else if (!wire && (i == r->at[DATA] || i == r->at[MORE]))
		dl_buf_adds(b, "JSON");
	else if (!wire && i == r->at[TIME])
		dl_buf_adds(b, time_type(r->time));
	else if (!wire && i == r->at[RECORDED])
		dl_buf_adds(b, time_type(r->recorded));
	else
		dl_buf_adds(b, "VARCHAR");
}

void
dl_lake_rows_schema(const struct dl_lake_rows *r, struct dl_buf *b)
{
	size_t i;

	for (i = 0; i < r->ncolumns; i++) {
		if (i > 0)
			dl_buf_adds(b, ", ");
		dl_duck_name(b, dl_span_str(r->columns[i].name));
		dl_buf_addc(b, ' ');
		print_type(r, i, b, DL_TYPES_DUCKDB);
	}
}

void
dl_lake_rows_query(const struct dl_lake_rows *r, const char *file,
    size_t longest, struct dl_buf *b)
{
	struct dl_buf type = {0};
	size_t i;

	dl_buf_adds(b, "SELECT ");
	for (i = 0; i < r->ncolumns; i++) {
		dl_buf_printf(b, "%sCAST(c%zu AS ", i == 0 ? "" : ", ", i);
		print_type(r, i, b, DL_TYPES_DUCKDB);
		dl_buf_adds(b, ") AS ");
		dl_duck_name(b, dl_span_str(r->columns[i].name));
	}
	dl_buf_adds(b, " FROM read_json(");
	dl_duck_quote(b, dl_span_str(file));
	dl_buf_printf(b,
	    ", format = 'newline_delimited', compression = 'uncompressed', "
	    "maximum_object_size = %zu, columns = {",
	    longest);
	for (i = 0; i < r->ncolumns; i++) {
		dl_buf_clear(&type);
		print_type(r, i, &type, DL_TYPES_WIRE);
		dl_buf_printf(b, "%sc%zu: ", i == 0 ? "" : ", ", i);
		dl_duck_quote(b, dl_buf_as_span(&type));
	}
	dl_buf_adds(b, "})");
	dl_buf_release(&type);
}

/* Rows */

static void
begin_column(struct dl_buf *b, size_t i)
{
	dl_buf_printf(b, "%s\"c%zu\":", i == 0 ? "{" : ",", i);
}

static void
put_text(const struct dl_lake_rows *r, int own, struct dl_span text,
    struct dl_buf *b)
{
	if (text.p == NULL)
		return;
	begin_column(b, r->at[own]);
	dl_json_quote(b, text);
}

static void
put_time(const struct dl_lake_rows *r, int own, unsigned needs,
    struct dl_span text, struct dl_buf *b)
{
	struct dl_err ignored = {0};
	char printed[DL_TIME_MAX];
	struct dl_time t;

	if (text.p != NULL && *time_type(needs) == 'T' &&
	    dl_time_parse(text, &t, &ignored) == 0)
		text = dl_span(printed, dl_time_print(&t, printed));
	put_text(r, own, text, b);
}

static void
put_more(struct dl_lake_rows *r, const struct dl_event *ev, struct dl_buf *b)
{
	size_t i;

	if (ev->nextra == 0)
		return;
	dl_buf_clear(&r->scratch);
	for (i = 0; i < ev->nextra; i++) {
		dl_buf_addc(&r->scratch, i == 0 ? '{' : ',');
		dl_buf_span(&r->scratch, ev->extra[i]);
	}
	dl_buf_addc(&r->scratch, '}');
	put_text(r, MORE, dl_buf_as_span(&r->scratch), b);
}

static int
put_members(struct dl_lake_rows *r, struct dl_span data, struct dl_buf *b)
{
	struct dl_json_iter it;
	struct dl_span key, name, value;
	size_t i;
	int n;

	dl_json_enter(&it, data);
	while ((n = dl_json_member(&it, &key, &value)) > 0) {
		dl_buf_clear(&r->scratch);
		if (dl_json_text(key, &r->scratch, &name) < 0 ||
		    !dl_type_index(r->root, name, &i))
			return -1;
		begin_column(b, r->of_members[i]);
		if (dl_types_put(b, r->root->members[i].type, value) < 0)
			return -1;
	}
	return n;
}

static int
put_data(struct dl_lake_rows *r, struct dl_span data, struct dl_buf *b)
{
	if (data.p == NULL)
		return 0;
	if (r->as_text) {
		put_text(r, DATA, data, b);
		return 0;
	}
	if (dl_json_kind(data) == DL_JSON_OBJECT)
		return put_members(r, data, b);
	if (r->at[DATA] == NOWN)
		return dl_json_kind(data) == DL_JSON_NULL ? 0 : -1;
	begin_column(b, r->at[DATA]);
	return dl_types_put(b, r->other, data);
}

int
dl_lake_rows_put(struct dl_lake_rows *r, const struct dl_event *ev,
    struct dl_buf *b, struct dl_err *err)
{
	put_text(r, ID, ev->id, b);
	put_text(r, SOURCE, ev->source, b);
	put_text(r, TYPE, ev->type, b);
	put_text(r, SUBJECT, ev->subject, b);
	put_time(r, TIME, r->time, ev->time, b);
	put_time(r, RECORDED, r->recorded, ev->recordedtime, b);
	put_text(r, ORIGIN, ev->origin, b);
	put_text(r, STEPS, ev->steps, b);
	if ((ev->sequence.p != NULL && !r->sequence) ||
	    (ev->causationid.p != NULL && !r->causation) ||
	    (ev->nextra > 0 && !r->more))
		return dl_err_bug(
		    err, "an attribute that was not there before");
	put_text(r, SEQUENCE, ev->sequence, b);
	put_text(r, CAUSATION, ev->causationid, b);
	put_more(r, ev, b);
	if (put_data(r, ev->data, b) < 0)
		return dl_err_bug(
		    err, "data that is not of the types that were found");
	dl_buf_adds(b, "}\n");
	return 0;
}
