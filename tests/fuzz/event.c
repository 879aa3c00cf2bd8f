/* Any line: parsed or refused in bounds; what parses is written and parses. */
#include "event.h"
#include "json.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dl_event ev, again;
	static struct dl_buf out;
	struct dl_err err = {0};
	struct dl_span line = dl_span((const char *)data, size);

	if (dl_event_parse(&ev, line, &err) < 0)
		return 0;
	dl_buf_clear(&out);
	dl_event_write(&out, &ev);
	if (dl_json_check(line, &err) < 0)
		return 0; /* the scanner lets more through than the door */
	if (dl_event_parse(&again, dl_span(out.p, out.len - 1), &err) < 0)
		abort();
	if (!dl_span_eq(ev.id, again.id) || !dl_span_eq(ev.data, again.data) ||
	    !dl_span_eq(ev.subject, again.subject) || ev.nextra != again.nextra)
		abort();
	return 0;
}
