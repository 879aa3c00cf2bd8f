/*
 * duck SQL... - run statements by DuckDB's library, each an argument or ended by
 * a semicolon at the end of a line, and print what they answer, tab-separated; NULL is NULL, and tabs, newlines and backslashes of
 * values are escaped.
 */
#include "duck.h"

#include <stdio.h>
#include <strings.h>

static int
print(void *arg, const struct dl_span *cells, size_t n, struct dl_err *err)
{
	size_t i, k;
	char c;

	(void)arg;
	(void)err;
	for (i = 0; i < n; i++) {
		if (i > 0)
			putchar('\t');
		if (cells[i].p == NULL)
			fputs("NULL", stdout);
		for (k = 0; k < cells[i].len; k++) {
			c = cells[i].p[k];
			if (c == '\t' || c == '\n' || c == '\\')
				putchar('\\');
			putchar(c == '\t' ? 't' : c == '\n' ? 'n' : c);
		}
	}
	putchar('\n');
	return 0;
}

/* Past white space and comments. */
static char *
beginning(char *sql)
{
	for (;;) {
		sql += strspn(sql, " \t\n");
		if (strncmp(sql, "--", 2) != 0)
			return sql;
		sql += strcspn(sql, "\n");
	}
}

static int
run(struct dl_duck *d, const char *sql, struct dl_err *err)
{
	static const char *const queries[] = {
	    "SELECT", "FROM", "WITH", "DESCRIBE", "SUMMARIZE", "VALUES", "("};
	size_t i;

	for (i = 0; i < sizeof(queries) / sizeof(*queries); i++)
		if (strncasecmp(sql, queries[i], strlen(queries[i])) == 0)
			return dl_duck_rows(d, sql, print, NULL, err);
	return dl_duck_run(d, sql, NULL, err);
}

/* Cuts sql up. */
static int
run_all(struct dl_duck *d, char *sql, struct dl_err *err)
{
	char *end;
	int r = 0;

	for (; r == 0 && sql != NULL; sql = end) {
		if ((end = strstr(sql, ";\n")) != NULL) {
			*end = '\0';
			end += 2;
		}
		sql = beginning(sql);
		if (*sql != '\0')
			r = run(d, sql, err);
	}
	return r;
}

int
main(int argc, char *argv[])
{
	struct dl_duck_options o = {.threads = 1};
	struct dl_err err = {0};
	struct dl_duck *d = dl_duck_open(&o, &err);
	int i, r = d == NULL ? -1 : 0;

	for (i = 1; r == 0 && i < argc; i++)
		r = run_all(d, argv[i], &err);
	dl_duck_close(d);
	if (r < 0)
		fprintf(stderr, "duck: %s\n", err.msg);
	return r < 0 ? (int)err.status : 0;
}
