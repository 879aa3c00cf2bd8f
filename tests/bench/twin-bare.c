/*
 * twin-bare - how fast LMDB alone is at the twin's job, to measure dl-twin-put
 * against: sorted batches of keys as long as tests/bench/inputs.sh makes them
 * and values as long as the tool stores for them, a get and a put for every
 * metric, a durable commit for every batch.  No JSON, no order of events, no
 * coalescing, no change log, and no bound on memory.
 *
 * usage: twin-bare DIR COUNT COMPONENTS METRICS EACH [BATCH]
 *
 * Puts COUNT metrics: EACH 1, any of METRICS of any of COMPONENTS; otherwise all
 * METRICS of one component after those of another.  DIR must exist and be empty.
 * BATCH is in metrics (100000).  What it prints leaves out the time that making
 * the batches takes; sorting them is in it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lmdb.h>

#define KEY_MAX 40 /* bytes, with a NUL */
#define VALUE 41   /* what dl-twin-put stores for a number */

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
seconds(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
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

struct work {
	uint64_t components, metrics;
	int each; /* one metric of a component at a time */
};

static void
fill(struct item *items, uint64_t n, const struct work *w)
{
	static uint64_t time;
	uint64_t component = 0, metric;

	for (uint64_t i = 0; i < n; i++) {
		if (w->each || i % w->metrics == 0)
			component = next() % w->components;
		metric = (w->each ? next() : i) % w->metrics;
		items[i].time = time++;
		snprintf(items[i].key, KEY_MAX, "wagon-%06u%cmetric%u",
		    (unsigned)component, 1, (unsigned)metric);
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

static MDB_env *
open_env(const char *dir, MDB_dbi *dbi)
{
	MDB_env *env;
	MDB_txn *txn;

	must(mdb_env_create(&env), "create");
	must(mdb_env_set_mapsize(env, (size_t)16 << 30), "size");
	must(mdb_env_open(env, dir, 0, 0666), "open");
	must(mdb_txn_begin(env, NULL, 0, &txn), "begin");
	must(mdb_dbi_open(txn, NULL, 0, dbi), "database");
	must(mdb_txn_commit(txn), "commit");
	return env;
}

int
main(int argc, char *argv[])
{
	uint64_t total, batch = 100000, done = 0;
	struct work w;
	struct item *items;
	double spent = 0, cpu = 0, start, cpu_start;
	MDB_env *env;
	MDB_dbi dbi;

	if (argc < 6 || number(argv[3]) == 0 || number(argv[4]) == 0) {
		fprintf(stderr, "usage: twin-bare DIR COUNT COMPONENTS METRICS "
				"EACH [BATCH]\n");
		return 64;
	}
	total = number(argv[2]);
	w.components = number(argv[3]);
	w.metrics = number(argv[4]);
	w.each = number(argv[5]) == 1;
	if (argc > 6 && number(argv[6]) > 0)
		batch = number(argv[6]);
	if (!w.each)
		batch += (w.metrics - batch % w.metrics) % w.metrics;
	if ((items = calloc(batch, sizeof(*items))) == NULL)
		return 75;
	env = open_env(argv[1], &dbi);
	while (done < total) {
		uint64_t n = total - done < batch ? total - done : batch;

		fill(items, n, &w);
		start = seconds(CLOCK_MONOTONIC);
		cpu_start = seconds(CLOCK_PROCESS_CPUTIME_ID);
		put_batch(env, dbi, items, n);
		spent += seconds(CLOCK_MONOTONIC) - start;
		cpu += seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
		done += n;
	}
	mdb_env_close(env);
	printf("%.0f metrics/s, %.3f s, %.3f s of the processor\n",
	    (double)done / spent, spent, cpu);
	free(items);
	return 0;
}
