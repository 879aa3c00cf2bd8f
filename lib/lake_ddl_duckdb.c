#include "lake_ddl_private.h"

#include "duck.h"

/*
 * A pattern of the parts.  It goes exactly as deep as they are: "**" would also
 * find what a writer has staged in _dl.
 */
static void
print_pattern(
    const struct dl_ddl *d, enum dl_codec_kind kind, struct dl_buf *out)
{
	struct dl_buf b = {0};
	const struct dl_ddl_key *k;
	size_t i;

	dl_duck_glob(&b, dl_ddl_location(d));
	for (i = 0; i < d->nkeys; i++) {
		k = &d->keys[i];
		dl_buf_addc(&b, '/');
		if (k->name != NULL) {
			dl_duck_glob(&b, dl_span_str(k->name));
			dl_buf_adds(&b, "=*");
		} else if (k->text != NULL) {
			dl_duck_glob(&b, dl_span_str(k->text));
		} else {
			dl_buf_addc(&b, '*');
		}
	}
	dl_buf_printf(&b, "/*%s", dl_codec_suffix(kind));
	dl_duck_quote(out, dl_buf_as_span(&b));
	dl_buf_release(&b);
}

static void
print_patterns(const struct dl_ddl *d, struct dl_buf *out)
{
	bool some = false;
	int kind;

	dl_buf_addc(out, '[');
	for (kind = 0; kind < DL_DDL_CODECS; kind++) {
		if (!d->codecs[kind])
			continue;
		if (some)
			dl_buf_adds(out, ",\n    ");
		print_pattern(d, (enum dl_codec_kind)kind, out);
		some = true;
	}
	dl_buf_addc(out, ']');
}

static void
print_keys(const struct dl_ddl *d, struct dl_buf *out)
{
	const struct dl_ddl_key *k;
	bool some = false;
	size_t i;

	for (i = 0; i < d->nkeys; i++) {
		k = &d->keys[i];
		if (k->name == NULL)
			continue;
		dl_buf_adds(out, some ? ", "
				      : "    hive_partitioning = true,\n"
					"    hive_types = {");
		dl_duck_quote(out, dl_span_str(k->name));
		dl_buf_adds(out,
		    strcmp(k->name, "dt") == 0 && k->days      ? ": DATE"
		    : strcmp(k->name, "hour") == 0 && k->hours ? ": BIGINT"
							       : ": VARCHAR");
		some = true;
	}
	dl_buf_adds(out, some ? "},\n" : "    hive_partitioning = false,\n");
}

/* Is it one of the times, which are TIMESTAMP where all of them can be? */
static bool
is_time(const struct dl_ddl *d, const struct dl_type_member *m)
{
	size_t i;

	for (i = 0; i < 4; i++)
		if (d->times[i] && m->type->kind == DL_TYPES_TEXT &&
		    dl_span_is(dl_span(m->name, m->len), dl_ddl_times[i]))
			return true;
	return false;
}

static void
print_column(
    const struct dl_ddl *d, const struct dl_ddl_column *c, struct dl_buf *out)
{
	struct dl_buf type = {0};

	if (is_time(d, c->member))
		dl_buf_adds(&type, "TIMESTAMP");
	else
		dl_types_print(&type, c->member->type, DL_TYPES_VIEW);
	dl_duck_quote(out, dl_span_str(c->name));
	dl_buf_adds(out, ": ");
	dl_duck_quote(out, dl_buf_as_span(&type));
	dl_buf_release(&type);
}

int
dl_ddl_duckdb(struct dl_ddl *d, struct dl_buf *out, struct dl_err *err)
{
	struct dl_ddl_columns columns = {0};
	size_t i;
	int r;

	dl_ddl_head(d, out);
	r = dl_ddl_columns(d, false, &columns, out, err);
	if (strncmp(d->location, "s3://", 5) == 0)
		dl_buf_adds(out, "-- From S3 DuckDB needs INSTALL httpfs; LOAD "
				 "httpfs; and CREATE SECRET.\n");
	dl_buf_adds(out, "CREATE OR REPLACE VIEW ");
	dl_duck_name(out, dl_span_str(d->table));
	dl_buf_adds(out, " AS\nSELECT * FROM read_json(");
	print_patterns(d, out);
	dl_buf_adds(out, ",\n    format = 'newline_delimited',\n");
	print_keys(d, out);
	dl_buf_adds(out, "    columns = {");
	for (i = 0; i < columns.n; i++) {
		dl_buf_adds(out, i == 0 ? "\n        " : ",\n        ");
		print_column(d, &columns.all[i], out);
	}
	dl_buf_adds(out, "\n    });\n");
	dl_ddl_columns_release(&columns);
	return r;
}
