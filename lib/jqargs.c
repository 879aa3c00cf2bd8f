#include "jqargs.h"

#include "io.h"
#include "json.h"

static bool
name_ok(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz"
				"ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");

	return n > 0 && name[n] == '\0' && (name[0] < '0' || name[0] > '9');
}

static bool
has_name(const struct dl_buf *args, const char *name)
{
	struct dl_span key, value;
	struct dl_json_iter it;

	dl_json_enter(&it, dl_buf_as_span(args));
	while (dl_json_member(&it, &key, &value) > 0)
		if (dl_span_is(key, name))
			return true;
	return false;
}

/* Begin the member: what was an object is one again after end_member(). */
static int
begin_member(struct dl_buf *args, const char *name, struct dl_err *err)
{
	if (!name_ok(name))
		return dl_err_usage(err,
		    "'%s' cannot name an argument: letters, digits and '_' do",
		    name);
	if (strcmp(name, "event") == 0)
		return dl_err_usage(
		    err, "$event is the event: no argument may be called so");
	if (args->len == 0) {
		dl_buf_addc(args, '{');
	} else if (has_name(args, name)) {
		return dl_err_usage(err, "two arguments are called '%s'", name);
	} else {
		args->p[args->len - 1] = ',';
	}
	dl_json_quote(args, dl_span_str(name));
	dl_buf_addc(args, ':');
	return 0;
}

int
dl_jqargs_string(struct dl_buf *args, const char *name, const char *value,
    struct dl_err *err)
{
	if (!dl_utf8_valid(dl_span_str(value)))
		return dl_err_usage(
		    err, "the value of '%s' is not valid UTF-8", name);
	if (begin_member(args, name, err) < 0)
		return -1;
	dl_json_quote(args, dl_span_str(value));
	dl_buf_addc(args, '}');
	return 0;
}

int
dl_jqargs_json(struct dl_buf *args, const char *name, const char *value,
    struct dl_err *err)
{
	struct dl_err why = {0};

	if (dl_json_check(dl_span_str(value), &why) < 0)
		return dl_err_usage(
		    err, "the value of '%s' is not JSON: %s", name, why.msg);
	if (begin_member(args, name, err) < 0)
		return -1;
	dl_buf_adds(args, value);
	dl_buf_addc(args, '}');
	return 0;
}

/* The values in text, with commas between them. */
static int
put_values(struct dl_buf *b, struct dl_span text, struct dl_err *err)
{
	const char *p = text.p, *end = p + text.len, *past;
	const char *between = "";
	struct dl_span value;

	for (;; p = past) {
		while (p < end && strchr(" \t\r\n", *p) != NULL && *p != '\0')
			p++;
		if (p == end)
			return 0;
		past = dl_json_skip(p, end);
		value = dl_span(p, (size_t)((past != NULL ? past : end) - p));
		if (past == p || dl_json_check(value, err) < 0)
			return -1;
		dl_buf_adds(b, between);
		dl_buf_span(b, value);
		between = ",";
	}
}

int
dl_jqargs_file(
    struct dl_buf *args, const char *name, const char *path, struct dl_err *err)
{
	struct dl_buf text = {0}, values = {0};
	struct dl_err why = {0};
	int r = -1;

	if (dl_read_file(path, DL_JQARGS_FILE_MAX, &text, err) < 0) {
		/* A file that isn't there does not come by running again. */
		if (err->status == DL_EXIT_TEMP)
			err->status = DL_EXIT_CONF;
		goto out;
	}
	if (put_values(&values, dl_buf_as_span(&text), &why) < 0) {
		dl_err_usage(err, "'%s' is not a file of JSON values: %s", path,
		    why.msg);
		goto out;
	}
	if (begin_member(args, name, err) < 0)
		goto out;
	dl_buf_addc(args, '[');
	dl_buf_span(args, dl_buf_as_span(&values));
	dl_buf_adds(args, "]}");
	r = 0;
out:
	dl_buf_release(&text);
	dl_buf_release(&values);
	return r;
}
