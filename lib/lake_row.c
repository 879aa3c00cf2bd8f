#include "lake_row.h"

#include "num.h"

#include <stdio.h>

void
dl_lake_row_cell(struct dl_lake_row *row, struct dl_span text)
{
	row->cells[row->n++] = text;
}

/* Where the next cell's own text goes: "-" so far. */
static char *
begin(struct dl_lake_row *row)
{
	char *text = row->text[row->n];

	memcpy(text, "-", 2);
	return text;
}

void
dl_lake_row_count(
    struct dl_lake_row *row, bool known, uint64_t n, const char *suffix)
{
	char *text = begin(row);

	if (known)
		(void)snprintf(
		    text, DL_TIME_MAX, "%llu%s", (unsigned long long)n, suffix);
	dl_lake_row_cell(row, dl_span_str(text));
}

void
dl_lake_row_size(struct dl_lake_row *row, bool known, uint64_t bytes)
{
	char *text = begin(row);

	if (known)
		dl_num_print_size(
		    bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes, text);
	dl_lake_row_cell(row, dl_span_str(text));
}

void
dl_lake_row_time(struct dl_lake_row *row, bool known, const struct dl_time *t)
{
	struct dl_time whole = *t;
	char *text = begin(row);

	whole.digits = 0;
	if (known)
		dl_time_print(&whole, text);
	dl_lake_row_cell(row, dl_span_str(text));
}

/* Parts that the manifest does not know may have more records. */
void
dl_lake_row_contents(struct dl_lake_row *row, const struct dl_lake_sum *sum)
{
	bool known = sum->unknown == 0 || sum->unknown < sum->parts;

	dl_lake_row_count(
	    row, known, sum->records, sum->unknown > 0 ? "+" : "");
	dl_lake_row_size(row, true, sum->bytes);
	dl_lake_row_size(row, known, sum->unpacked);
	dl_lake_row_time(row, sum->timed, &sum->first);
	dl_lake_row_time(row, sum->timed, &sum->last);
}
