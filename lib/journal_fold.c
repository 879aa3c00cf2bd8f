/* Lines of a journal that become one. */
#include "journal_private.h"

#include "io.h"
#include "json.h"

#define LINE_BYTES (1u << 20) /* of parts, where they can be joined */

bool
dl_journal_next_line(struct dl_span *text, struct dl_span *line)
{
	const char *nl;

	if (text->len == 0 || (nl = memchr(text->p, '\n', text->len)) == NULL)
		return false;
	*line = dl_span(text->p, (size_t)(nl - text->p));
	text->len -= line->len + 1;
	text->p = nl + 1;
	return true;
}

int
dl_journal_read_entry(const struct dl_journal *j, struct dl_span line,
    uint64_t number, struct dl_journal_entry *e, struct dl_err *err)
{
	struct dl_json_iter it;
	struct dl_span key, value;
	int r;

	*e = (struct dl_journal_entry){0};
	dl_json_enter(&it, line);
	while ((r = dl_json_member(&it, &key, &value)) > 0) {
		if (dl_span_is(key, "positions"))
			e->positions = value;
		else if (dl_span_is(key, "next"))
			e->next = value;
		else if (dl_span_is(key, "parts"))
			e->parts = value;
		else if (dl_span_is(key, "carry"))
			e->carry = dl_json_kind(value) == DL_JSON_TRUE;
		else if (dl_span_is(key, "reach"))
			e->reach = value;
	}
	if (r < 0 || e->positions.p == NULL || e->parts.p == NULL ||
	    dl_json_kind(e->positions) != DL_JSON_ARRAY ||
	    dl_json_kind(e->parts) != DL_JSON_ARRAY)
		return dl_err_data(err,
		    "%s:%llu: expected a line of a journal with positions and "
		    "parts",
		    j->path, (unsigned long long)number);
	return 0;
}

/* Lists of parts */

static void
add(struct dl_journal_list *list, struct dl_span part)
{
	list->last = list->text.len;
	dl_buf_span(&list->text, part);
	dl_buf_addc(&list->text, '\0');
	list->n++;
}

/* Add part, or make one of it and the last. */
static void
add_joined(const struct dl_journal *j, struct dl_journal_list *list,
    struct dl_span part, bool far, struct dl_buf *scratch)
{
	dl_buf_clear(scratch);
	if (j->kind->join == NULL || list->n == 0 ||
	    !j->kind->join(
		dl_span_str(list->text.p + list->last), part, far, scratch)) {
		add(list, part);
		return;
	}
	list->text.len = list->last;
	list->n--;
	add(list, dl_buf_as_span(scratch));
}

int
dl_journal_gather(struct dl_journal *j, struct dl_span line, uint64_t number,
    dl_journal_part_fn *fn, void *arg, struct dl_journal_list *list,
    struct dl_err *err)
{
	struct dl_journal_entry e;
	struct dl_json_iter it;
	struct dl_span value, part;
	struct dl_buf text = {0}, joined = {0};
	int r, there = 1;

	if (dl_journal_read_entry(j, line, number, &e, err) < 0)
		return -1;
	dl_json_enter(&it, e.parts);
	while ((r = dl_json_element(&it, &value)) > 0) {
		dl_buf_clear(&text);
		if (dl_json_string(value, &text, &part) < 0 ||
		    memchr(part.p, '\0', part.len) != NULL)
			break;
		if (fn != NULL && (there = fn(arg, part, err)) < 0)
			break;
		if (there > 0)
			add_joined(j, list, part, false, &joined);
	}
	if (r != 0 && there >= 0)
		(void)dl_err_data(err, "%s:%llu: expected strings as parts",
		    j->path, (unsigned long long)number);
	dl_buf_release(&text);
	dl_buf_release(&joined);
	return r == 0 ? 0 : -1;
}

/* Join each two; true if there are fewer now. */
static bool
join_pairs(const struct dl_journal *j, struct dl_journal_list *list)
{
	struct dl_journal_list old = *list;
	struct dl_buf joined = {0};
	const char *p = old.text.p;
	size_t i;

	*list = (struct dl_journal_list){0};
	for (i = 0; i < old.n; i++, p += strlen(p) + 1)
		if (i % 2 == 0)
			add(list, dl_span_str(p));
		else
			add_joined(j, list, dl_span_str(p), true, &joined);
	dl_buf_release(&joined);
	dl_buf_release(&old.text);
	return list->n < old.n;
}

void
dl_journal_print_list(const struct dl_journal *j, struct dl_journal_list *list,
    struct dl_buf *line)
{
	const char *p;
	size_t i;

	if (j->kind->join != NULL && list->text.len > LINE_BYTES)
		while (list->text.len > LINE_BYTES / 2 && join_pairs(j, list))
			;
	dl_buf_adds(line, "\"parts\":[");
	for (i = 0, p = list->text.p; i < list->n; i++, p += strlen(p) + 1) {
		if (i > 0)
			dl_buf_addc(line, ',');
		dl_json_quote(line, dl_span_str(p));
	}
	dl_buf_adds(line, "]}\n");
}

/* Folding */

/* Make one line of the first n lines of text; *text is what follows them. */
static int
fold_lines(struct dl_journal *j, struct dl_span *text, uint64_t n,
    struct dl_buf *b, struct dl_err *err)
{
	struct dl_journal_list list = {0};
	struct dl_journal_entry e;
	struct dl_span line;
	bool carry = false;
	uint64_t i;
	int r = 0;

	for (i = 0; i < n && dl_journal_next_line(text, &line); i++) {
		/* The base is line 1. */
		if ((r = dl_journal_read_entry(j, line, i + 2, &e, err)) < 0 ||
		    (r = dl_journal_gather(
			 j, line, i + 2, NULL, NULL, &list, err)) < 0)
			break;
		if (i == 0) {
			dl_buf_adds(b, "{\"positions\":");
			dl_buf_span(b, e.positions);
			dl_buf_addc(b, ',');
		}
		carry = carry || e.carry;
	}
	if (carry)
		dl_buf_adds(b, "\"carry\":true,");
	dl_journal_print_list(j, &list, b);
	dl_buf_release(&list.text);
	return r;
}

/* How many of the lines after the base to fold so that few enough remain. */
static uint64_t
count_fold(const struct dl_journal *j, struct dl_span text)
{
	struct dl_span line;
	uint64_t n = 0, lines = j->lines - 1;

	while (n + 1 < lines &&
	       (lines - n > j->keep_lines || text.len > j->fold_bytes / 2) &&
	       dl_journal_next_line(&text, &line))
		n++;
	return n;
}

int
dl_journal_fold(struct dl_journal *j, struct dl_err *err)
{
	struct dl_buf file = {0}, b = {0};
	struct dl_span text, base = {0};
	uint64_t n;
	int r = -1;

	if (dl_read_file(j->path, DL_JOURNAL_FILE_MAX, &file, err) < 0)
		goto out;
	text = dl_buf_as_span(&file);
	(void)dl_journal_next_line(&text, &base);
	n = count_fold(j, text);
	if (n > 1) {
		dl_buf_span(&b, base);
		dl_buf_addc(&b, '\n');
		if (fold_lines(j, &text, n, &b, err) < 0)
			goto out;
		dl_buf_span(&b, text);
		if (dl_journal_replace(j, dl_buf_as_span(&b), err) < 0)
			goto out;
		j->lines -= n - 1;
	}
	j->fold_bytes = j->size * 2 > DL_JOURNAL_FOLD_BYTES
	                    ? j->size * 2
	                    : DL_JOURNAL_FOLD_BYTES;
	r = 0;
out:
	dl_buf_release(&file);
	dl_buf_release(&b);
	return r;
}
