/*
 * Athena reads JSON by the OpenX SerDe.  Names of columns are lower case letters,
 * digits and underscores; which member of the lines one is, where that is not
 * its name, is a "mapping".  The SerDe lowers the names of all members, unless
 * there are two that only differ in case: then each name with a capital is
 * mapped, and objects inside, where nothing can be mapped, are text if they
 * have such names.
 */
#include "lake_ddl_private.h"

#include "json.h"

/* A literal of Hive: with backslashes. */
static void
print_text(struct dl_buf *out, struct dl_span text)
{
	size_t i;
	unsigned char c;

	dl_buf_addc(out, '\'');
	for (i = 0; i < text.len; i++) {
		c = (unsigned char)text.p[i];
		if (c < 0x20 || c == 0x7f)
			dl_buf_printf(out, "\\u%04x", c);
		else if (c == '\'' || c == '\\' || c == ';')
			dl_buf_printf(out, c == ';' ? "\\u%04x" : "\\%c", c);
		else
			dl_buf_addc(out, (char)c);
	}
	dl_buf_addc(out, '\'');
}

static bool
has_capital(const struct dl_type_member *m)
{
	size_t i;

	for (i = 0; i < m->len; i++)
		if (m->name[i] >= 'A' && m->name[i] <= 'Z')
			return true;
	return false;
}

/* Is the column the member's name, whatever its case? */
static bool
same(const struct dl_ddl_column *c)
{
	return dl_types_same_name(
	    dl_span_str(c->name), dl_span(c->member->name, c->member->len));
}

/* Must the case of names be minded? */
static bool
minds_case(const struct dl_ddl *d, const struct dl_ddl_columns *columns)
{
	size_t i;

	for (i = 0; i < columns->n; i++)
		if (!same(&columns->all[i]) &&
		    has_capital(columns->all[i].member))
			return true;
	return dl_types_collide(d->types);
}

static void
print_columns(const struct dl_ddl_columns *columns,
    enum dl_types_dialect dialect, struct dl_buf *out)
{
	size_t i;

	for (i = 0; i < columns->n; i++) {
		dl_buf_printf(out, "%s\n  `%s` ", i == 0 ? "" : ",",
		    columns->all[i].name);
		dl_types_print(out, columns->all[i].member->type, dialect);
	}
}

static void
print_mappings(
    const struct dl_ddl_columns *columns, bool minds, struct dl_buf *out)
{
	const struct dl_ddl_column *c;
	const char *before = "\nWITH SERDEPROPERTIES (\n  ";
	bool some = minds;
	size_t i;

	if (minds)
		dl_buf_printf(out, "%s'case.insensitive' = 'FALSE'", before);
	for (i = 0; i < columns->n; i++) {
		c = &columns->all[i];
		if (same(c) && !(minds && has_capital(c->member)))
			continue;
		dl_buf_printf(
		    out, "%s'mapping.%s' = ", some ? ",\n  " : before, c->name);
		print_text(out, dl_span(c->member->name, c->member->len));
		some = true;
	}
	dl_buf_adds(out, some ? ")\n" : "\n");
}

/* Which components belong to the location: those before the first KEY=VALUE. */
static int
print_location(const struct dl_ddl *d, struct dl_buf *out, struct dl_err *err)
{
	struct dl_buf b = {0};
	bool before = true;
	size_t i;
	int r = 0;

	dl_buf_span(&b, dl_ddl_location(d));
	for (i = 0; i < d->nkeys && r == 0; i++) {
		before &= d->keys[i].name == NULL;
		if (before && d->keys[i].text != NULL)
			dl_buf_printf(&b, "/%s", d->keys[i].text);
		else if (d->keys[i].name == NULL)
			r = dl_err_data(err,
			    "Athena has only partitions of KEY=VALUE, and "
			    "component %zu of the parts' paths is none",
			    i + 1);
	}
	dl_buf_addc(&b, '/');
	print_text(out, dl_buf_as_span(&b));
	dl_buf_release(&b);
	return r;
}

static int
print_keys(const struct dl_ddl *d, struct dl_buf *out, struct dl_err *err)
{
	const char *name;
	bool some = false;
	size_t i;

	for (i = 0; i < d->nkeys; i++) {
		if ((name = d->keys[i].name) == NULL)
			continue;
		if (*name == '\0' ||
		    name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
				      "0123456789_")] != '\0')
			return dl_err_data(err,
			    "Athena has no partitions by '%s': only lower case "
			    "letters, digits and '_' can be in such a name",
			    name);
		dl_buf_printf(out, "%s`%s` string",
		    some ? ", " : "\nPARTITIONED BY (", name);
		some = true;
	}
	if (some)
		dl_buf_addc(out, ')');
	return some;
}

/* Only letters, digits and underscores. */
static void
print_table(const struct dl_ddl *d, struct dl_buf *out)
{
	const char *p;

	dl_buf_addc(out, '`');
	for (p = d->table; *p != '\0'; p++)
		dl_buf_addc(
		    out, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a')
			 : (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')
			     ? *p
			     : '_');
	dl_buf_addc(out, '`');
}

int
dl_ddl_athena(struct dl_ddl *d, struct dl_buf *out, struct dl_err *err)
{
	struct dl_ddl_columns columns = {0};
	enum dl_types_dialect dialect = DL_TYPES_HIVE;
	bool minds;
	int r, keys;

	dl_ddl_head(d, out);
	if (strncmp(d->location, "s3://", 5) != 0)
		dl_buf_adds(out, "-- Athena reads S3 alone: say in LOCATION "
				 "where this lake is there.\n");
	r = dl_ddl_columns(d, true, &columns, out, err);
	if ((minds = minds_case(d, &columns)))
		dialect = DL_TYPES_HIVE_CASE;
	(void)dl_types_settle(d->types, dialect, true);
	dl_buf_adds(out, "CREATE EXTERNAL TABLE ");
	print_table(d, out);
	dl_buf_adds(out, " (");
	print_columns(&columns, dialect, out);
	dl_buf_addc(out, ')');
	if ((keys = print_keys(d, out, err)) < 0)
		r = -1;
	dl_buf_adds(
	    out, "\nROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'");
	print_mappings(&columns, minds, out);
	dl_buf_adds(out, "LOCATION ");
	if (print_location(d, out, err) < 0)
		r = -1;
	dl_buf_adds(out, ";\n");
	if (keys > 0) {
		dl_buf_adds(out, "-- Then, and when there are new partitions:\n"
				 "-- MSCK REPAIR TABLE ");
		print_table(d, out);
		dl_buf_adds(out, ";\n");
	}
	dl_ddl_columns_release(&columns);
	return r;
}
