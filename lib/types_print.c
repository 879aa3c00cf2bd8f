#include "types_private.h"

#include <strings.h>

/* Words that Hive's grammar does not take as a name without quotes. */
static bool
reserved(const char *name)
{
	static const char words[] =
	    " all alter and array as authorization between bigint binary "
	    "boolean both by cache case cast char column commit conf "
	    "constraint "
	    "create cross cube current current_date current_timestamp cursor "
	    "database date dayofweek decimal delete describe distinct div "
	    "double drop else end exchange exists extended external extract "
	    "false fetch float floor following for foreign from full function "
	    "grant group grouping having if import in inner insert int integer "
	    "intersect interval into is join lateral left less like local "
	    "macro "
	    "map more none not null numeric of on only or order out outer over "
	    "partialscan partition percent preceding precision preserve "
	    "primary "
	    "procedure range reads reduce references regexp revoke right rlike "
	    "rollback rollup row rows select set smallint start table "
	    "tablesample then time timestamp to transform trigger true "
	    "truncate "
	    "unbounded union uniquejoin update user using utc_timestamp values "
	    "varchar views when where window with ";
	char word[DL_TYPES_NAME + 3];
	size_t len = strlen(name);

	word[0] = ' ';
	memcpy(word + 1, name, len);
	word[len + 1] = ' ';
	word[len + 2] = '\0';
	return strcasestr(words, word) != NULL;
}

static void
print_name(struct dl_buf *b, const struct dl_type_member *m,
    enum dl_types_dialect dialect)
{
	char mark = dialect >= DL_TYPES_HIVE ? '`' : '"';
	bool bare =
	    dialect >= DL_TYPES_HIVE && m->name[0] != '_' && !reserved(m->name);
	size_t i;

	if (!bare)
		dl_buf_addc(b, mark);
	for (i = 0; i < m->len; i++) {
		if (m->name[i] == mark)
			dl_buf_addc(b, mark);
		dl_buf_addc(b, m->name[i]);
	}
	if (!bare)
		dl_buf_addc(b, mark);
}

static void
print_struct(
    struct dl_buf *b, const struct dl_type *type, enum dl_types_dialect dialect)
{
	bool hive = dialect >= DL_TYPES_HIVE;
	size_t i;

	dl_buf_adds(b, hive ? "struct<" : "STRUCT(");
	for (i = 0; i < type->nmembers; i++) {
		if (i > 0)
			dl_buf_adds(b, hive ? "," : ", ");
		print_name(b, &type->members[i], dialect);
		dl_buf_addc(b, hive ? ':' : ' ');
		dl_types_print(b, type->members[i].type, dialect);
	}
	dl_buf_addc(b, hive ? '>' : ')');
}

static void
print_list(
    struct dl_buf *b, const struct dl_type *type, enum dl_types_dialect dialect)
{
	static const struct dl_type none = {0};
	const struct dl_type *below =
	    type->element == NULL ? &none : type->element;

	if (dialect >= DL_TYPES_HIVE)
		dl_buf_adds(b, "array<");
	dl_types_print(b, below, dialect);
	dl_buf_adds(b, dialect >= DL_TYPES_HIVE ? ">" : "[]");
}

/*
 * Engines read a number with a point as a double, whatever they are told to make
 * of it: only WIRE, where it is a string, gets a decimal right.
 */
static void
print_decimal(
    struct dl_buf *b, const struct dl_type *type, enum dl_types_dialect dialect)
{
	if (dialect >= DL_TYPES_HIVE)
		dl_buf_adds(b, type->scale > 0 ? "double" : "string");
	else if (dialect == DL_TYPES_VIEW && type->scale > 0)
		dl_buf_adds(b, "DOUBLE");
	else
		dl_buf_printf(b, "DECIMAL(38,%d)", type->scale);
}

/* No deeper than DL_TYPES_DEPTH. */
void
dl_types_print(
    struct dl_buf *b, const struct dl_type *type, enum dl_types_dialect dialect)
{
	bool hive = dialect >= DL_TYPES_HIVE;

	switch (type->kind) {
	case DL_TYPES_BOOLEAN:
		dl_buf_adds(b, hive ? "boolean" : "BOOLEAN");
		break;
	case DL_TYPES_BIGINT:
		dl_buf_adds(b, hive ? "bigint" : "BIGINT");
		break;
	case DL_TYPES_DECIMAL:
		print_decimal(b, type, dialect);
		break;
	case DL_TYPES_DOUBLE:
		dl_buf_adds(b, hive ? "double" : "DOUBLE");
		break;
	case DL_TYPES_TEXT:
		dl_buf_adds(b, hive ? "string" : "VARCHAR");
		break;
	case DL_TYPES_LIST:
		print_list(b, type, dialect);
		break;
	case DL_TYPES_STRUCT:
		print_struct(b, type, dialect);
		break;
	case DL_TYPES_NONE:
	case DL_TYPES_JSON:
		dl_buf_adds(b, hive                       ? "string"
			       : dialect == DL_TYPES_WIRE ? "VARCHAR"
							  : "JSON");
		break;
	}
}
