#include "duck.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#define INLINE 12 /* bytes of a text that stand in its own 16 */

/* Of DuckDB's C interface, only what is used here, laid out as it is there. */
typedef uint64_t idx;

struct result {
	idx unused[3];
	char *unused_texts[2];
	void *internal;
};

union text {
	struct {
		uint32_t length;
		char text[INLINE];
	} here;
	struct {
		uint32_t length;
		char prefix[4];
		char *text;
	} there;
};

struct calls {
	const char *(*library_version)(void);
	int (*open)(const char *path, void **db);
	void (*close)(void **db);
	int (*connect)(void *db, void **connection);
	void (*disconnect)(void **connection);
	int (*query)(void *connection, const char *sql, struct result *r);
	const char *(*result_error)(struct result *r);
	void (*destroy_result)(struct result *r);
	idx (*rows_changed)(struct result *r);
	idx (*column_count)(struct result *r);
	void *(*fetch_chunk)(struct result r);
	idx (*data_chunk_get_size)(void *chunk);
	void *(*data_chunk_get_vector)(void *chunk, idx column);
	void *(*vector_get_data)(void *vector);
	uint64_t *(*vector_get_validity)(void *vector);
	void (*destroy_data_chunk)(void **chunk);
};

struct dl_duck {
	struct calls call;
	char version[32];
	void *db, *connection;
};

#define CALL(name) \
	{ \
		"duckdb_" #name, offsetof(struct calls, name) \
	}
static const struct {
	const char *name;
	size_t at;
} symbols[] = {
    CALL(library_version),
    CALL(open),
    CALL(close),
    CALL(connect),
    CALL(disconnect),
    CALL(query),
    CALL(result_error),
    CALL(destroy_result),
    CALL(rows_changed),
    CALL(column_count),
    CALL(fetch_chunk),
    CALL(data_chunk_get_size),
    CALL(data_chunk_get_vector),
    CALL(vector_get_data),
    CALL(vector_get_validity),
    CALL(destroy_data_chunk),
};

/* Loading */

static int
find_calls(
    struct calls *calls, void *library, const char *name, struct dl_err *err)
{
	void *f;
	size_t i;

	for (i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		if ((f = dlsym(library, symbols[i].name)) == NULL)
			return dl_err_conf(err,
			    "'%s' is no library of DuckDB that can be used: "
			    "it has no %s",
			    name, symbols[i].name);
		memcpy((char *)calls + symbols[i].at, &f, sizeof(f));
	}
	return 0;
}

/* Is version ("v1.5.5") at least DL_DUCK_OLDEST?  Others are taken as new. */
static bool
new_enough(const char *version)
{
	unsigned have[2], want[2];

	return sscanf(version, "v%u.%u", &have[0], &have[1]) != 2 ||
	       sscanf(DL_DUCK_OLDEST, "%u.%u", &want[0], &want[1]) != 2 ||
	       have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
}

/* It is never unloaded: threads of it may outlive a database. */
static int
load(struct dl_duck *d, const char *name, struct dl_err *err)
{
	void *library;

	if (name == NULL)
		name = getenv("DL_DUCKDB");
	if (name == NULL || *name == '\0')
		name = DL_DUCK_LIBRARY;
	if ((library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) == NULL)
		return dl_err_conf(err,
		    "this needs DuckDB's library, and it can't be loaded: %s "
		    "(get libduckdb from duckdb.org/install, for C; then "
		    "install "
		    "%s where the loader looks, or set DL_DUCKDB to the file)",
		    dlerror(), DL_DUCK_LIBRARY);
	if (find_calls(&d->call, library, name, err) < 0) {
		dlclose(library);
		return -1;
	}
	(void)snprintf(
	    d->version, sizeof(d->version), "%s", d->call.library_version());
	if (!new_enough(d->version))
		return dl_err_conf(err,
		    "'%s' is DuckDB %s, and %s or later is needed", name,
		    d->version, DL_DUCK_OLDEST);
	return 0;
}

/* Asking */

static bool
begins(const char *message, const char *kind)
{
	return strncmp(message, kind, strlen(kind)) == 0;
}

static int
say(const char *message, struct dl_err *err)
{
	static const char *const passing[] = {
	    "Out of Memory Error", "IO Error", "INTERRUPT Error"};
	static const char *const data[] = {
	    "Invalid Input Error", "Conversion Error", "Out of Range Error"};
	int len;
	size_t i;

	if (message == NULL)
		message = "it does not say why";
	len = (int)strcspn(message, "\n");
	for (i = 0; i < sizeof(passing) / sizeof(*passing); i++)
		if (begins(message, passing[i]))
			return dl_err_temp(err, "DuckDB: %.*s", len, message);
	for (i = 0; i < sizeof(data) / sizeof(*data); i++)
		if (begins(message, data[i]))
			return dl_err_data(err, "DuckDB: %.*s", len, message);
	return dl_err_bug(err, "DuckDB: %.*s", len, message);
}

static int
query(struct dl_duck *d, const char *sql, struct result *r, struct dl_err *err)
{
	*r = (struct result){0};
	if (d->call.query(d->connection, sql, r) == 0)
		return 0;
	(void)say(d->call.result_error(r), err);
	d->call.destroy_result(r);
	return -1;
}

int
dl_duck_run(
    struct dl_duck *d, const char *sql, uint64_t *rows, struct dl_err *err)
{
	struct result r;

	if (query(d, sql, &r, err) < 0)
		return -1;
	if (rows != NULL)
		*rows = d->call.rows_changed(&r);
	d->call.destroy_result(&r);
	return 0;
}

static struct dl_span
cell(void *data, const uint64_t *validity, idx row)
{
	union text *t = (union text *)data + row;

	if (validity != NULL && (validity[row / 64] >> row % 64 & 1) == 0)
		return dl_span(NULL, 0);
	return dl_span(t->here.length <= INLINE ? t->here.text : t->there.text,
	    t->here.length);
}

static int
tell(struct dl_duck *d, void *chunk, idx columns, dl_duck_row_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_span *cells = dl_calloc(columns, sizeof(*cells));
	idx row, i, rows = d->call.data_chunk_get_size(chunk);
	void *vector;
	int n = 0;

	for (row = 0; n == 0 && row < rows; row++) {
		for (i = 0; i < columns; i++) {
			vector = d->call.data_chunk_get_vector(chunk, i);
			cells[i] = cell(d->call.vector_get_data(vector),
			    d->call.vector_get_validity(vector), row);
		}
		n = fn(arg, cells, columns, err);
	}
	free(cells);
	return n;
}

int
dl_duck_rows(struct dl_duck *d, const char *sql, dl_duck_row_fn *fn, void *arg,
    struct dl_err *err)
{
	struct dl_buf b = {0};
	struct result r;
	void *chunk;
	idx columns;
	int n;

	dl_buf_adds(&b, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (");
	dl_buf_adds(&b, sql);
	dl_buf_adds(&b, "\n)");
	n = query(d, dl_buf_str(&b), &r, err);
	dl_buf_release(&b);
	if (n < 0)
		return -1;
	columns = d->call.column_count(&r);
	while (n == 0 && (chunk = d->call.fetch_chunk(r)) != NULL) {
		n = tell(d, chunk, columns, fn, arg, err);
		d->call.destroy_data_chunk(&chunk);
	}
	d->call.destroy_result(&r);
	return n;
}

/* Opening */

static int
configure(
    struct dl_duck *d, const struct dl_duck_options *o, struct dl_err *err)
{
	struct dl_buf b = {0};
	int r;

	dl_buf_adds(&b, "SET autoinstall_known_extensions = false;"
			"SET autoload_known_extensions = false;"
			"SET temp_directory = ");
	dl_duck_quote(&b, dl_span_str(o->temp_dir == NULL ? "" : o->temp_dir));
	if (o->memory_bytes > 0)
		dl_buf_printf(&b, ";SET memory_limit = '%lld B'",
		    (long long)o->memory_bytes);
	if (o->threads > 0)
		dl_buf_printf(&b, ";SET threads = %d", o->threads);
	r = dl_duck_run(d, dl_buf_str(&b), NULL, err);
	dl_buf_release(&b);
	return r;
}

struct dl_duck *
dl_duck_open(const struct dl_duck_options *o, struct dl_err *err)
{
	struct dl_duck *d = dl_calloc(1, sizeof(*d));

	if (load(d, o->library, err) < 0)
		goto fail;
	if (d->call.open(NULL, &d->db) != 0 ||
	    d->call.connect(d->db, &d->connection) != 0) {
		dl_err_temp(err, "DuckDB %s does not start", d->version);
		goto fail;
	}
	if (configure(d, o, err) == 0)
		return d;
fail:
	dl_duck_close(d);
	return NULL;
}

void
dl_duck_close(struct dl_duck *d)
{
	if (d == NULL)
		return;
	if (d->connection != NULL)
		d->call.disconnect(&d->connection);
	if (d->db != NULL)
		d->call.close(&d->db);
	free(d);
}

const char *
dl_duck_version(const struct dl_duck *d)
{
	return d->version;
}

/* Quoting */

static void
quote(struct dl_buf *b, struct dl_span text, char mark)
{
	size_t i;

	dl_buf_addc(b, mark);
	for (i = 0; i < text.len; i++) {
		if (text.p[i] == mark)
			dl_buf_addc(b, mark);
		dl_buf_addc(b, text.p[i]);
	}
	dl_buf_addc(b, mark);
}

void
dl_duck_quote(struct dl_buf *b, struct dl_span text)
{
	quote(b, text, '\'');
}

void
dl_duck_name(struct dl_buf *b, struct dl_span name)
{
	quote(b, name, '"');
}

void
dl_duck_glob(struct dl_buf *b, struct dl_span path)
{
	size_t i;

	for (i = 0; i < path.len; i++)
		if (strchr("*?[", path.p[i]) != NULL)
			dl_buf_printf(b, "[%c]", path.p[i]);
		else
			dl_buf_addc(b, path.p[i]);
}
