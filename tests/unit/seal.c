/* seal: keys, their text, their files, and what is sealed by them. */
#include "seal_key.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static struct dl_seal_key master, a, b;

static void
derived_keys_differ(void **unused)
{
	struct dl_err err = {0};
	struct dl_seal_key again;

	(void)unused;
	assert_int_equal(dl_seal_key_derive(&master, "a", &again, &err), 0);
	assert_memory_equal(again.bytes, a.bytes, DL_SEAL_KEY);
	assert_memory_not_equal(a.bytes, b.bytes, DL_SEAL_KEY);
	assert_memory_not_equal(a.bytes, master.bytes, DL_SEAL_KEY);
	assert_memory_not_equal(a.id, b.id, DL_SEAL_ID);
	assert_memory_not_equal(a.id, a.bytes, DL_SEAL_ID);
	assert_int_equal(dl_seal_key_derive(&a, "a", &again, &err), 0);
	assert_memory_equal(again.bytes, a.bytes, DL_SEAL_KEY);
	assert_int_equal(dl_seal_key_derive(&a, "b", &again, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DENIED);
	dl_err_clear(&err);
	assert_int_equal(dl_seal_key_derive(&master, "../b", &again, &err), -1);
	assert_int_equal(err.status, DL_EXIT_USAGE);
}

/* From the man page, by another implementation (Python's hashlib). */
static void
derived_as_documented(void **unused)
{
	static const char text[] = "dl-key:1:master:"
				   "000102030405060708090a0b0c0d0e0f"
				   "101112131415161718191a1b1c1d1e1f\n";
	static const char want[] = "dl-key:1:group:quakes:"
				   "ed9850c940fc1cd3a7768ceff91dc9e4"
				   "96235ed0eb8254ca8b3cf1f607f160ff\n";
	struct dl_seal_key key, group;
	char out[DL_SEAL_TEXT], id[2 * DL_SEAL_ID + 1];
	struct dl_err err = {0};

	(void)unused;
	assert_int_equal(dl_seal_key_parse(dl_span_str(text), &key, &err), 0);
	assert_int_equal(dl_seal_key_derive(&key, "quakes", &group, &err), 0);
	dl_seal_key_print(&group, out);
	assert_string_equal(out, want);
	for (size_t i = 0; i < DL_SEAL_ID; i++)
		snprintf(id + 2 * i, 3, "%02x", group.id[i]);
	assert_string_equal(id, "031a9fc9b7b9c52e3665892d8369ed9b");
}

static void
text_comes_back(void **unused)
{
	const struct dl_seal_key *keys[] = {&master, &a, &b};
	struct dl_err err = {0};

	(void)unused;
	for (size_t i = 0; i < 3; i++) {
		char text[DL_SEAL_TEXT];
		struct dl_seal_key key;
		size_t n = dl_seal_key_print(keys[i], text);

		assert_int_equal(n, strlen(text));
		assert_int_equal(
		    dl_seal_key_parse(dl_span(text, n), &key, &err), 0);
		assert_memory_equal(&key, keys[i], sizeof(key));
		assert_int_equal(
		    dl_seal_key_parse(dl_span(text, n - 1), &key, &err), 0);
		/* Cut anywhere, it is none. */
		for (size_t cut = 0; cut < n - 1; cut++) {
			dl_err_clear(&err);
			assert_int_equal(
			    dl_seal_key_parse(dl_span(text, cut), &key, &err),
			    -1);
			assert_int_equal(err.status, DL_EXIT_DATA);
		}
		dl_err_clear(&err);
	}
}

static void
the_longest_name_fits(void **unused)
{
	char name[DL_SEAL_GROUP], text[DL_SEAL_TEXT];
	struct dl_seal_key key, again;
	struct dl_err err = {0};

	(void)unused;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(dl_seal_key_derive(&master, name, &key, &err), 0);
	assert_int_equal(
	    dl_seal_key_parse(
		dl_span(text, dl_seal_key_print(&key, text)), &again, &err),
	    0);
	assert_memory_equal(&key, &again, sizeof(key));
}

static void
wrong_text_is_refused(void **unused)
{
	static const char *const wrong[] = {"", "\n", "dl-key:1:", "dl-key:2:x",
	    "dl-key:1:group:", "dl-key:1:group:a", "dl-key:1:group::00",
	    "dl-key:1:group:../x:"
	    "0000000000000000000000000000000000000000000000000000000000000000",
	    "dl-key:1:master:"
	    "000000000000000000000000000000000000000000000000000000000000000g",
	    "dl-key:1:master:"
	    "00000000000000000000000000000000000000000000000000000000000000 0",
	    "dl-key:1:master:"
	    "00000000000000000000000000000000000000000000000000000000000000000"
	    "0"};
	struct dl_seal_key key;

	(void)unused;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct dl_err err = {0};

		assert_int_equal(
		    dl_seal_key_parse(dl_span_str(wrong[i]), &key, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DATA);
		assert_null(strstr(err.msg, "000"));
	}
}

static void
only_what_was_sealed_opens(void **unused)
{
	struct dl_span with = DL_SPAN("name"), plain = DL_SPAN("hunter2");
	unsigned char sealed[7 + DL_SEAL_OVERHEAD], out[7];
	struct dl_span all = {(const char *)sealed, sizeof(sealed)};

	(void)unused;
	dl_seal(&a, with, plain, sealed);
	assert_true(dl_unseal(&a, with, all, out));
	assert_memory_equal(out, "hunter2", 7);
	assert_false(dl_unseal(&b, with, all, out));
	assert_false(dl_unseal(&a, DL_SPAN("nam"), all, out));
	for (size_t i = 0; i < sizeof(sealed) * 8; i++) {
		sealed[i / 8] ^= (unsigned char)(1 << i % 8);
		assert_false(dl_unseal(&a, with, all, out));
		sealed[i / 8] ^= (unsigned char)(1 << i % 8);
	}
	for (all.len = 0; all.len < sizeof(sealed); all.len++)
		assert_false(dl_unseal(&a, with, all, out));
	assert_true(dl_unseal(&a, with, all, out));
}

static void
key_files(void **state)
{
	char path[PATH_MAX];
	struct dl_seal_key key;
	struct dl_err err = {0};
	struct stat st;
	mode_t mask = umask(0);

	snprintf(path, sizeof(path), "%s/key", (const char *)*state);
	assert_int_equal(dl_seal_key_read(path, &key, &err), 0);
	assert_int_equal(dl_seal_key_make(path, &a, &err), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(dl_seal_key_read(path, &key, &err), 1);
	assert_memory_equal(&key, &a, sizeof(key));
	/* Not over another key. */
	assert_int_equal(dl_seal_key_make(path, &b, &err), -1);
	dl_err_clear(&err);
	assert_int_equal(dl_seal_key_read(path, &key, &err), 1);
	assert_memory_equal(&key, &a, sizeof(key));
	for (mode_t mode = 0; mode <= 07777; mode++) {
		bool good = mode == 0600 || mode == 0400;

		assert_int_equal(chmod(path, mode), 0);
		/* Root reads what it has no permission to. */
		if (geteuid() != 0 && (mode & 0400) == 0)
			continue;
		dl_err_clear(&err);
		assert_int_equal(
		    dl_seal_key_read(path, &key, &err), good ? 1 : -1);
		assert_int_equal(
		    err.status, good ? DL_EXIT_OK : DL_EXIT_DENIED);
	}
	unlink(path);
}

static void
no_file_of_another_kind(void **state)
{
	char path[PATH_MAX], link[PATH_MAX];
	struct dl_seal_key key;
	struct dl_err err = {0};

	snprintf(path, sizeof(path), "%s/key", (const char *)*state);
	snprintf(link, sizeof(link), "%s/link", (const char *)*state);
	assert_int_equal(dl_seal_key_make(path, &a, &err), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(dl_seal_key_read(link, &key, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DENIED);
	unlink(link);
	assert_int_equal(mkfifo(link, 0600), 0);
	dl_err_clear(&err);
	assert_int_equal(dl_seal_key_read(link, &key, &err), -1);
	assert_int_equal(err.status, DL_EXIT_DENIED);
	unlink(link);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		dl_err_clear(&err);
		assert_int_equal(dl_seal_key_read(path, &key, &err), -1);
		assert_int_equal(err.status, DL_EXIT_DENIED);
	}
	unlink(path);
}

static void
no_core(void **unused)
{
	struct rlimit limit;

	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
	/* Where cores go to a program, that limit means nothing. */
#ifndef __SANITIZE_ADDRESS__
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
#endif
}

static int
start(void **state)
{
	static char dir[] = "/tmp/dl-unit.XXXXXX";
	struct dl_err err = {0};

	if (dl_seal_start(&err) < 0 || (*state = mkdtemp(dir)) == NULL)
		return -1;
	dl_seal_key_new(&master);
	dl_seal_key_derive(&master, "a", &a, &err);
	return dl_seal_key_derive(&master, "b", &b, &err);
}

static int
end(void **state)
{
	return rmdir(*state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(derived_keys_differ),
	    cmocka_unit_test(derived_as_documented),
	    cmocka_unit_test(text_comes_back),
	    cmocka_unit_test(the_longest_name_fits),
	    cmocka_unit_test(wrong_text_is_refused),
	    cmocka_unit_test(only_what_was_sealed_opens),
	    cmocka_unit_test(no_core),
	    cmocka_unit_test(key_files),
	    cmocka_unit_test(no_file_of_another_kind),
	};

	return cmocka_run_group_tests_name("seal", tests, start, end);
}
