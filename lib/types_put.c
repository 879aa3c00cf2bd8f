#include "types_private.h"

#include "json.h"
#include "types_number.h"

static int put(struct dl_buf *b, const struct dl_type *type,
    struct dl_span value, struct dl_buf *scratch);

static int
put_list(struct dl_buf *b, const struct dl_type *type, struct dl_span value,
    struct dl_buf *scratch)
{
	struct dl_json_iter it;
	struct dl_span element;
	char before = '[';
	int r;

	dl_json_enter(&it, value);
	while ((r = dl_json_element(&it, &element)) > 0) {
		dl_buf_addc(b, before);
		before = ',';
		if (type->element == NULL ||
		    put(b, type->element, element, scratch) < 0)
			return -1;
	}
	dl_buf_adds(b, before == '[' ? "[]" : "]");
	return r;
}

static int
put_struct(struct dl_buf *b, const struct dl_type *type, struct dl_span value,
    struct dl_buf *scratch)
{
	struct dl_json_iter it;
	struct dl_span key, name, member;
	char before = '{';
	size_t at;
	int r;

	dl_json_enter(&it, value);
	while ((r = dl_json_member(&it, &key, &member)) > 0) {
		dl_buf_clear(scratch);
		if (dl_json_text(key, scratch, &name) < 0 ||
		    !dl_type_index(type, name, &at))
			return -1;
		dl_buf_addc(b, before);
		before = ',';
		dl_buf_addc(b, '"');
		dl_buf_span(b, key);
		dl_buf_adds(b, "\":");
		if (put(b, type->members[at].type, member, scratch) < 0)
			return -1;
	}
	dl_buf_adds(b, before == '{' ? "{}" : "}");
	return r;
}

static int
put_decimal(struct dl_buf *b, const struct dl_type *type, struct dl_span value)
{
	struct dl_number x;

	dl_number_read(&x, value);
	if (dl_number_decimals(&x) > type->scale ||
	    dl_number_whole(&x) + type->scale > DL_NUMBER_DIGITS)
		return -1;
	dl_buf_addc(b, '"');
	dl_number_print_plain(&x, b);
	dl_buf_addc(b, '"');
	return 0;
}

static bool
is_of(const struct dl_type *type, enum dl_json_kind kind)
{
	switch (type->kind) {
	case DL_TYPES_NONE:
		return false;
	case DL_TYPES_BOOLEAN:
		return kind == DL_JSON_FALSE || kind == DL_JSON_TRUE;
	case DL_TYPES_BIGINT:
	case DL_TYPES_DECIMAL:
	case DL_TYPES_DOUBLE:
		return kind == DL_JSON_NUMBER;
	case DL_TYPES_TEXT:
		return kind == DL_JSON_STRING;
	case DL_TYPES_LIST:
		return kind == DL_JSON_ARRAY;
	case DL_TYPES_STRUCT:
		return kind == DL_JSON_OBJECT;
	case DL_TYPES_JSON:
		return true;
	}
	return false;
}

/* As deep as the type is. */
static int
put(struct dl_buf *b, const struct dl_type *type, struct dl_span value,
    struct dl_buf *scratch)
{
	enum dl_json_kind kind = dl_json_kind(value);

	if (kind == DL_JSON_NULL) {
		dl_buf_adds(b, "null");
		return 0;
	}
	if (!is_of(type, kind))
		return -1;
	switch (type->kind) {
	case DL_TYPES_DECIMAL:
		return put_decimal(b, type, value);
	case DL_TYPES_JSON:
		dl_json_quote(b, value);
		return 0;
	case DL_TYPES_LIST:
		return put_list(b, type, value, scratch);
	case DL_TYPES_STRUCT:
		return put_struct(b, type, value, scratch);
	default:
		dl_buf_span(b, value);
		return 0;
	}
}

int
dl_types_put(struct dl_buf *b, const struct dl_type *type, struct dl_span value)
{
	struct dl_buf scratch = {0};
	int r = put(b, type, value, &scratch);

	dl_buf_release(&scratch);
	return r;
}
