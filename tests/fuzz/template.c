/*
 * Texts with names, and the values that fill them: the first byte says into
 * what, the first line is the text, the rest is the value.  No value leaves its
 * place.
 */
#include "template.h"

#include "json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Put between two texts, the value is the only thing that is there. */
static void
check(enum dl_template_into into, struct dl_span value)
{
	static const char *const texts[] = {"https://h/?a={cursor}&b",
	    "x {cursor} y", "X: {cursor}", "{\"a\":\"{cursor}\"}",
	    "<a b='{cursor}'/>", "a={cursor}&b=c"};
	static const char *const outside[] = {
	    " &?#/\"<>\r\n{}", " ;&|$`\"'\\\n", "\r\n", "", "<&'\"", "&= \r\n"};
	struct dl_template_values v = {{{.text = value}}};
	const char *text = texts[into];
	struct dl_err err = {0};
	struct dl_buf b = {0};
	size_t before = strcspn(text, "{");
	size_t after = strlen(strchr(strstr(text, "cursor"), '}') + 1);

	if (into == DL_TEMPLATE_JSON)
		before = 6;
	if (dl_template_fill(&b, text, into, &v, &err) == 0) {
		for (size_t i = before; i + after < b.len; i++)
			if (b.p[i] != '&' || into != DL_TEMPLATE_XML)
				if (b.p[i] != '\0' &&
				    strchr(outside[into], b.p[i]) != NULL)
					abort();
		if (into == DL_TEMPLATE_JSON &&
		    dl_json_check(dl_buf_as_span(&b), &err) < 0)
			abort();
	}
	dl_buf_release(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data, *nl;
	enum dl_template_into into;
	struct dl_template_values v = {0};
	struct dl_err err = {0};
	struct dl_buf b = {0};
	struct dl_span value;
	unsigned int names = 0;
	char *template;

	if (size < 2 || (nl = memchr(text + 1, '\n', size - 1)) == NULL)
		return 0;
	into = (enum dl_template_into)(data[0] % 6);
	template = dl_strndup(dl_span(text + 1, (size_t)(nl - text - 1)));
	value = dl_span(nl + 1, size - (size_t)(nl + 1 - text));
	check(into, value);
	if (dl_template_check(template, into, &names, &err) == 0) {
		v.of[DL_TEMPLATE_CURSOR].text = value;
		v.of[DL_TEMPLATE_PAGE].text = value;
		v.of[DL_TEMPLATE_FROM].is_time = true;
		v.of[DL_TEMPLATE_TO].is_time = true;
		v.of[DL_TEMPLATE_TO].time.sec = (int64_t)data[0] * 86400 * 365;
		(void)dl_template_fill(&b, template, into, &v, &err);
	}
	dl_buf_release(&b);
	free(template);
	return 0;
}
