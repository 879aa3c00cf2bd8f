/*
 * holder DIR - hold the write lock of the twin in DIR, as a writer does that was
 * stopped in the middle.  Says "held" then, and lets go when standard input ends.
 */
#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	MDB_env *env;
	MDB_txn *txn;
	char c;
	int rc;

	if (argc != 2)
		return 64;
	if ((rc = mdb_env_create(&env)) != 0 ||
	    (rc = mdb_env_set_maxdbs(env, 2)) != 0 ||
	    (rc = mdb_env_set_mapsize(env, (size_t)1 << 30)) != 0 ||
	    (rc = mdb_env_open(env, argv[1], 0, 0666)) != 0 ||
	    (rc = mdb_txn_begin(env, NULL, 0, &txn)) != 0) {
		fprintf(stderr, "holder: %s\n", mdb_strerror(rc));
		return 1;
	}
	puts("held");
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
	mdb_txn_abort(txn);
	mdb_env_close(env);
	return 0;
}
