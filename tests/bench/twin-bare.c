/*
 * twin-bare - how fast LMDB alone is at the twin's job, to measure dl-twin-put
 * against: sorted batches of the same keys and value sizes, a get and a put for
 * every metric, a durable commit for every batch.  No JSON, no order of events,
 * no coalescing, no change log, and no bound on memory.
 *
 * usage: twin-bare DIR OBSERVATIONS COMPONENTS METRICS [BATCH]
 *
 * DIR must exist and be empty.  BATCH is in metrics (98304).  Generating the
 * batches is not counted, sorting them is.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lmdb.h>

#define KEY_MAX 40
#define VALUE 41 /* what dl-twin-put stores for a number */

struct item {
	char key[KEY_MAX];
	uint64_t time;
};

static uint64_t state = 88172645463325252u;

static uint64_t
next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static double
seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "twin-bare: %s: %s\n", what, mdb_strerror(rc));
	exit(75);
}

static int
by_key(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void
fill(struct item *items, uint64_t n, uint64_t components, uint64_t metrics)
{
	static uint64_t time;
	uint64_t component = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (i % metrics == 0)
			component = next() % components;
		items[i].time = time++;
		snprintf(items[i].key, KEY_MAX, "component-%06u%cmetric%u",
		    (unsigned)component, 1, (unsigned)(i % metrics));
	}
}

static void
put_batch(MDB_env *env, MDB_dbi dbi, struct item *items, uint64_t n)
{
	char value[VALUE];
	MDB_txn *txn;
	MDB_cursor *c;

	memset(value, 'v', sizeof(value));
	qsort(items, n, sizeof(*items), by_key);
	must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	must(mdb_cursor_open(txn, dbi, &c), "cursor");
	for (uint64_t i = 0; i < n; i++) {
		MDB_val k = {strlen(items[i].key), items[i].key}, v;
		int rc = mdb_cursor_get(c, &k, &v, MDB_SET);

		if (rc == 0 && memcmp(v.mv_data, &items[i].time, 8) == 0)
			continue;
		if (rc != 0 && rc != MDB_NOTFOUND)
			must(rc, "get");
		memcpy(value, &items[i].time, 8);
		v = (MDB_val){VALUE, value};
		must(mdb_cursor_put(c, &k, &v, rc == 0 ? MDB_CURRENT : 0),
		    "put");
	}
	must(mdb_txn_commit(txn), "commit");
}

static uint64_t
number(const char *s)
{
	return strtoull(s, NULL, 10);
}

int
main(int argc, char *argv[])
{
	uint64_t total, components, metrics, batch = 96 << 10, done = 0;
	struct item *items;
	double spent = 0, start;
	MDB_env *env;
	MDB_dbi dbi;
	MDB_txn *txn;

	if (argc < 5 || number(argv[3]) == 0 || number(argv[4]) == 0) {
		fprintf(stderr, "usage: twin-bare DIR OBSERVATIONS COMPONENTS "
				"METRICS [BATCH]\n");
		return 64;
	}
	components = number(argv[3]);
	metrics = number(argv[4]);
	total = number(argv[2]) * metrics;
	if (argc > 5 && number(argv[5]) > 0)
		batch = number(argv[5]);
	batch += metrics - batch % metrics;
	if ((items = calloc(batch, sizeof(*items))) == NULL)
		return 75;
	must(mdb_env_create(&env), "create");
	must(mdb_env_set_mapsize(env, (size_t)16 << 30), "size");
	must(mdb_env_open(env, argv[1], 0, 0666), "open");
	must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	must(mdb_dbi_open(txn, NULL, 0, &dbi), "database");
	must(mdb_txn_commit(txn), "commit");
	while (done < total) {
		uint64_t n = total - done < batch ? total - done : batch;

		fill(items, n, components, metrics);
		start = seconds();
		put_batch(env, dbi, items, n);
		spent += seconds() - start;
		done += n;
	}
	mdb_env_close(env);
	printf("%.0f observations/s, %.0f metrics/s\n",
	    (double)done / (double)metrics / spent, (double)done / spent);
	free(items);
	return 0;
}
