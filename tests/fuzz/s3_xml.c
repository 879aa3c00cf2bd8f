/* What S3 answers with: XML, and the escapes of keys in it. */
#include "s3_private.h"
#include "s3_xml.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
take(void *arg, const char *path, struct dl_span text, struct dl_err *err)
{
	size_t depth = 1;

	(void)err;
	for (const char *p = path; *p != '\0'; p++)
		depth += *p == '/';
	if (depth > DL_S3_XML_DEPTH || strlen(path) >= DL_S3_XML_PATH)
		abort();
	if (text.p == NULL)
		return 0;
	if (text.len > DL_S3_XML_TEXT || text.p[text.len] != '\0')
		abort();
	dl_buf_clear(arg);
	dl_s3_url_unescape(arg, text);
	return 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dl_span bytes = dl_span((const char *)data, size);
	struct dl_s3_answer a = {.status = 500};
	struct dl_buf b = {0};
	struct dl_err err = {0};

	if (dl_s3_xml_parse(bytes, take, &b, &err) < 0 &&
	    err.status == DL_EXIT_OK)
		abort();
	dl_s3_fail_take(&a, bytes);
	if (strlen(a.code) >= sizeof(a.code) ||
	    strlen(a.text) >= sizeof(a.text))
		abort();
	dl_buf_release(&b);
	return 0;
}
