/* secret_ref: what stands for a secret is found, or refused without telling. */
#include "secret_ref.h"

#include "buf.h"
#include "clock.h"
#include "io.h"
#include "secret.h"
#include "secret_command.h"

#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static char dir[] = "/tmp/dl-unit.XXXXXX";
static struct dl_secret_refs *refs;

static const char *
path(const char *name)
{
	static char out[PATH_MAX];

	snprintf(out, sizeof(out), "%s/%s", dir, name);
	return out;
}

static void
put(const char *name, struct dl_span bytes, mode_t mode)
{
	struct dl_err err = {0};

	assert_int_equal(dl_replace_file(path(name), bytes, &err), 0);
	assert_int_equal(chmod(path(name), mode), 0);
}

/* The value, or "STATUS MESSAGE", in which the directory is "@". */
static const char *
got(const char *text)
{
	static struct dl_buf out;
	struct dl_err err = {0};
	struct dl_span value;
	const char *at;

	dl_buf_clear(&out);
	if (dl_secret_ref_get(refs, text, &value, &err) == 0) {
		assert_int_equal(value.p[value.len], '\0');
		dl_buf_span(&out, value);
		return dl_buf_str(&out);
	}
	dl_buf_printf(&out, "%d ", (int)err.status);
	at = strstr(err.msg, dir);
	if (at != NULL)
		dl_buf_printf(&out, "%.*s@%s", (int)(at - err.msg), err.msg,
		    at + strlen(dir));
	else
		dl_buf_adds(&out, err.msg);
	return dl_buf_str(&out);
}

static const char *
file(const char *name)
{
	static char text[PATH_MAX + 10];

	snprintf(text, sizeof(text), "file:%s", path(name));
	return text;
}

static const char *
checked(const char *text)
{
	static struct dl_err err;

	dl_err_clear(&err);
	err.msg[0] = '\0';
	if (dl_secret_ref_check(text, &err) < 0)
		assert_int_equal(err.status, DL_EXIT_CONF);
	return err.msg;
}

static void
forms(void **state)
{
	static const char *const good[] = {"secret:db", "secret:quakes/db",
	    "file:x", "file:/run/x", "cmd:pass show x", "env:A_1", "env:_",
	    "cred:token", "cred:a.b c"};
	static const char *const wrong[] = {"secret:", "secret:/", "secret:a/",
	    "secret:/b", "secret:a/b/c", "secret:../x", "secret:hunter2 ",
	    "file:", "cmd:", "cmd: \t", "env:", "env:1A", "env:A-hunter2",
	    "env:A=hunter2", "cred:", "cred:a/hunter2", "cred:..", "cred:."};
	static const char *const literal[] = {"hunter2", "", "hunter2:x",
	    "Secret:hunter2", " env:HUNTER2", "file", "https://hunter2"};
	static const char told[] =
	    "is a secret written out: put it into dl-secret and write "
	    "secret:NAME, or file:PATH, env:NAME, cmd:COMMAND, cred:NAME";

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_string_equal(checked(good[i]), "");
		assert_true(dl_secret_ref_is(good[i]));
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		assert_string_not_equal(checked(wrong[i]), "");
		assert_string_not_equal(checked(wrong[i]), told);
		assert_null(strstr(checked(wrong[i]), "hunter2"));
		/* Nor when it is asked for. */
		assert_null(strstr(got(wrong[i]), "hunter2"));
	}
	for (size_t i = 0; i < sizeof(literal) / sizeof(*literal); i++) {
		assert_string_equal(checked(literal[i]), told);
		assert_false(dl_secret_ref_is(literal[i]));
		assert_null(strstr(got(literal[i]), "hunter2"));
	}
}

static void
files(void **state)
{
	(void)state;
	put("a", DL_SPAN("hunter2\n"), 0600);
	assert_string_equal(got(file("a")), "hunter2");
	put("b", DL_SPAN("\n\n"), 0400);
	assert_string_equal(got(file("b")), "\n");
	put("c", DL_SPAN("\n"), 0600);
	assert_string_equal(got(file("c")), "78 'file:@/c': is empty");
	put("d", dl_span("x\0y", 3), 0600);
	assert_string_equal(got(file("d")), "78 'file:@/d': has a NUL in it");
	assert_string_equal(
	    got(file("none")), "78 'file:@/none': there is no such file");
	assert_string_equal(
	    got(file("a/x")), "78 'file:@/a/x': there is no such file");
	assert_string_equal(
	    got(file(".")), "78 'file:@/.': is not a regular file");
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	assert_string_equal(
	    got(file("fifo")), "78 'file:@/fifo': is not a regular file");
	assert_int_equal(symlink("a", path("link")), 0);
	assert_string_equal(got(file("link")), "hunter2");
}

static void
a_file_that_others_may_use(void **state)
{
	static const mode_t wrong[] = {
	    0604, 0602, 0601, 0644, 0620, 0610, 0660, 04604, 0777};
	bool root = geteuid() == 0;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		put("open", DL_SPAN("hunter2\n"), wrong[i]);
		/* Root lets a group in to read, or run, what is its own. */
		if (root && wrong[i] == 0610)
			continue;
		assert_memory_equal(
		    got(file("open")), "77 'file:@/open': has mode", 26);
	}
	put("open", DL_SPAN("hunter2\n"), 0640);
	if (root)
		assert_string_equal(got(file("open")), "hunter2");
	else
		assert_memory_equal(got(file("open")), "77 ", 3);
	if (!root)
		return;
	put("theirs", DL_SPAN("hunter2\n"), 0600);
	assert_int_equal(chown(path("theirs"), 12345, (gid_t)-1), 0);
	assert_string_equal(got(file("theirs")),
	    "77 'file:@/theirs': belongs to another user (uid 12345)");
}

/* Root as another user: of that one's files others may do nothing at all. */
static void
a_file_of_an_ordinary_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(dir, 0755), 0);
	put("mine", DL_SPAN("hunter2\n"), 0640);
	assert_int_equal(chown(path("mine"), 12345, (gid_t)-1), 0);
	put("roots", DL_SPAN("hunter2\n"), 0644);
	assert_int_equal(seteuid(12345), 0);
	assert_memory_equal(
	    got(file("mine")), "77 'file:@/mine': has mode 0640", 31);
	assert_int_equal(chmod(path("mine"), 0600), 0);
	assert_string_equal(got(file("mine")), "hunter2");
	assert_memory_equal(
	    got(file("roots")), "77 'file:@/roots': has mode 0644", 32);
	assert_int_equal(seteuid(0), 0);
}

static void
the_largest(void **state)
{
	struct dl_buf b = {0};
	const char *value;

	(void)state;
	for (int i = 0; i < DL_SECRET_REF_MAX; i++)
		dl_buf_addc(&b, 'x');
	put("big", dl_buf_as_span(&b), 0600);
	assert_int_equal(strlen(got(file("big"))), DL_SECRET_REF_MAX);
	dl_buf_addc(&b, '\n');
	put("bigger", dl_buf_as_span(&b), 0600);
	assert_int_equal(strlen(got(file("bigger"))), DL_SECRET_REF_MAX);
	b.p[b.len - 1] = 'x';
	put("biggest", dl_buf_as_span(&b), 0600);
	assert_string_equal(got(file("biggest")),
	    "78 'file:@/biggest': is longer than 65536 bytes");
	value = dl_buf_str(&b);
	assert_int_equal(setenv("DL_UNIT_BIG", value, 1), 0);
	assert_string_equal(got("env:DL_UNIT_BIG"),
	    "78 'env:DL_UNIT_BIG': is longer than "
	    "65536 bytes");
	unsetenv("DL_UNIT_BIG");
	assert_string_equal(
	    got("cmd:yes"), "78 'cmd:yes': is longer than 65536 bytes");
	dl_buf_release(&b);
}

static void
the_environment(void **state)
{
	(void)state;
	assert_int_equal(setenv("DL_UNIT", "hunter2", 1), 0);
	assert_string_equal(got("env:DL_UNIT"), "hunter2");
	unsetenv("DL_UNIT");
	assert_string_equal(got("env:DL_UNIT"), "hunter2"); /* remembered */
	dl_secret_ref_forget(refs, "env:DL_UNIT");
	assert_string_equal(
	    got("env:DL_UNIT"), "78 'env:DL_UNIT': is not in the environment");
	assert_int_equal(setenv("DL_UNIT", "", 1), 0);
	assert_string_equal(got("env:DL_UNIT"), "78 'env:DL_UNIT': is empty");
}

static void
credentials(void **state)
{
	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_string_equal(got("cred:token"),
	    "78 'cred:token': there is no $CREDENTIALS_DIRECTORY: the unit "
	    "says LoadCredential=token:PATH");
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_string_equal(
	    got("cred:token"), "78 'cred:token': there is no such file");
	/* As systemd makes them, where it gives rights by an ACL. */
	put("token", DL_SPAN("hunter2\n"), 0440);
	assert_string_equal(got("cred:token"), "hunter2");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
stored(void **state)
{
	struct dl_err err = {0};
	struct dl_secrets *s = dl_secrets_open(dir, NULL, NULL, &err);

	(void)state;
	assert_string_equal(got("secret:db"),
	    "78 'secret:db': there is no such secret: 'dl-secret put --group "
	    "quakes db' puts it there");
	assert_int_equal(
	    dl_secret_put(s, "quakes", "db", DL_SPAN("hunter2\n"), &err), 1);
	assert_int_equal(
	    dl_secret_put(s, "other", "db", DL_SPAN("hunter3"), &err), 1);
	assert_string_equal(got("secret:db"), "hunter2\n");
	assert_string_equal(got("secret:other/db"), "hunter3");
	assert_int_equal(
	    dl_secret_put(s, "quakes", "db", DL_SPAN("hunter4"), &err), 1);
	assert_string_equal(got("secret:db"), "hunter2\n");
	dl_secret_ref_forget(refs, "secret:db");
	assert_string_equal(got("secret:db"), "hunter4");
	assert_string_equal(got("secret:other/db"), "hunter3");
	dl_secrets_close(s);
}

/* The key of the group alone, by the environment. */
static void
by_the_key_of_a_group(void **state)
{
	struct dl_secret_refs *mine = refs;
	struct dl_err err = {0};
	struct dl_secrets *s = dl_secrets_open(dir, NULL, NULL, &err);
	struct dl_seal_key key;
	char text[DL_SEAL_TEXT], command[PATH_MAX + 10];

	(void)state;
	assert_int_equal(
	    dl_secret_put(s, "g", "x", DL_SPAN("hunter5"), &err), 1);
	assert_int_equal(
	    dl_secret_put(s, "h", "x", DL_SPAN("hunter6"), &err), 1);
	assert_int_equal(dl_secret_group_key(s, "g", &key, &err), 0);
	dl_secrets_close(s);
	put("g.key", dl_span(text, dl_seal_key_print(&key, text)), 0600);
	setenv("DL_SECRET_KEY", path("g.key"), 1);
	refs = dl_secret_refs_new(dir, "g", NULL);
	assert_string_equal(got("secret:x"), "hunter5");
	assert_string_equal(got("secret:h/x"),
	    "77 'secret:h/x': the key is that of group 'g': it opens nothing "
	    "of group 'h'");
	dl_secret_refs_free(refs);
	snprintf(command, sizeof(command), "cat %s", path("g.key"));
	setenv("DL_SECRET_KEY_COMMAND", command, 1);
	refs = dl_secret_refs_new(dir, "g", NULL);
	assert_string_equal(got("secret:x"),
	    "64 'secret:x': $DL_SECRET_KEY and $DL_SECRET_KEY_COMMAND exclude "
	    "each other");
	setenv("DL_SECRET_KEY", "", 1);
	assert_string_equal(got("secret:x"), "hunter5");
	dl_secret_refs_free(refs);
	setenv("DL_SECRET_KEY_COMMAND", "exit 3", 1);
	refs = dl_secret_refs_new(dir, "g", NULL);
	assert_string_equal(got("secret:x"),
	    "77 'secret:x': the key's command ended with status 3");
	dl_secret_refs_free(refs);
	unsetenv("DL_SECRET_KEY");
	unsetenv("DL_SECRET_KEY_COMMAND");
	refs = mine;
}

static void
commands(void **state)
{
	(void)state;
	assert_string_equal(got("cmd:echo hunter2"), "hunter2");
	assert_string_equal(got("cmd:printf '%s' \"$((6 * 7))\""), "42");
	/* It has no standard input, and no terminal. */
	assert_string_equal(got("cmd:wc -c"), "0");
	assert_string_equal(
	    got("cmd:(: </dev/tty) 2>/dev/null && echo yes || echo no"), "no");
	assert_string_equal(got("cmd:true"), "78 'cmd:true': is empty");
	assert_string_equal(
	    got("cmd:exit 3"), "75 'cmd:exit …': ended with status 3");
	assert_string_equal(
	    got("cmd:PASS=hunter2 false"), "75 'cmd:…': ended with status 1");
	assert_string_equal(got("cmd:echo hunter2; exit 9"),
	    "75 'cmd:echo …': ended with status 9");
	assert_string_equal(got("cmd:kill -9 $$"),
	    "75 'cmd:kill …': was ended by signal 9 (Killed)");
	assert_string_equal(got("cmd:/none/such"),
	    "75 'cmd:/none/such': ended with status 127");
	/* Signals that we ignore, it doesn't. */
	signal(SIGPIPE, SIG_IGN);
	assert_string_equal(
	    got("cmd:sh -c 'kill -PIPE $$; echo still' || echo ended"),
	    "ended");
	signal(SIGPIPE, SIG_DFL);
}

static void
one_that_does_not_end(void **state)
{
	static const volatile sig_atomic_t stop = 1;
	char out[16], command[PATH_MAX + 100];
	struct dl_err err = {0};
	int64_t since = dl_clock_ms();
	struct dl_buf pid = {0};
	size_t len;

	(void)state;
	snprintf(command, sizeof(command), "sleep 600 & echo $! >%s; wait",
	    path("pid"));
	assert_int_equal(dl_secret_command(
			     command, 1000, NULL, out, sizeof(out), &len, &err),
	    -1);
	assert_int_equal(err.status, DL_EXIT_TEMP);
	assert_string_equal(err.msg, "has not ended after 1 s");
	/* And what it had started is gone too. */
	assert_int_equal(dl_read_file(path("pid"), 100, &pid, &err), 0);
	for (int i = 0; i < 1000 && kill(atoi(dl_buf_str(&pid)), 0) == 0; i++)
		usleep(10000);
	assert_int_equal(kill(atoi(dl_buf_str(&pid)), 0), -1);
	dl_buf_release(&pid);
	/* One that closes its output need not have ended. */
	dl_err_clear(&err);
	assert_int_equal(dl_secret_command("exec >&-; sleep 600", 200, NULL,
			     out, sizeof(out), &len, &err),
	    -1);
	dl_err_clear(&err);
	assert_int_equal(dl_secret_command("sleep 600", 600000, &stop, out,
			     sizeof(out), &len, &err),
	    -1);
	assert_string_equal(err.msg, "was ended by a signal to us");
	assert_true(dl_clock_ms() - since < 60000);
}

static void
anew(void **state)
{
	(void)state;
	assert_false(dl_secret_ref_renew(refs, file("r"))); /* never asked */
	put("r", DL_SPAN("one\n"), 0600);
	assert_string_equal(got(file("r")), "one");
	assert_false(dl_secret_ref_renew(refs, file("r")));
	put("r", DL_SPAN("two\n"), 0600);
	assert_string_equal(got(file("r")), "one");
	assert_true(dl_secret_ref_renew(refs, file("r")));
	assert_string_equal(got(file("r")), "two");
	assert_int_equal(unlink(path("r")), 0);
	assert_false(dl_secret_ref_renew(refs, file("r")));
	assert_string_equal(got(file("r")), "two");
	dl_secret_ref_forget(refs, file("r"));
	assert_string_equal(
	    got(file("r")), "78 'file:@/r': there is no such file");
}

static void
no_core_files(void **state)
{
	struct rlimit limit;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_CORE, &limit), 0);
	assert_int_equal(limit.rlim_max, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(forms),
	    cmocka_unit_test(files),
	    cmocka_unit_test(a_file_that_others_may_use),
	    cmocka_unit_test(a_file_of_an_ordinary_user),
	    cmocka_unit_test(the_largest),
	    cmocka_unit_test(the_environment),
	    cmocka_unit_test(credentials),
	    cmocka_unit_test(stored),
	    cmocka_unit_test(by_the_key_of_a_group),
	    cmocka_unit_test(commands),
	    cmocka_unit_test(one_that_does_not_end),
	    cmocka_unit_test(anew),
	    cmocka_unit_test(no_core_files),
	};
	char command[PATH_MAX + 20];
	int status;

	unsetenv("DL_SECRET_KEY");
	unsetenv("DL_SECRET_KEY_COMMAND");
	if (mkdtemp(dir) == NULL)
		return 1;
	refs = dl_secret_refs_new(dir, "quakes", NULL);
	status = cmocka_run_group_tests(tests, NULL, NULL);
	dl_secret_refs_free(refs);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command) == 0 ? status : 1;
}
