/* GET /openapi.json: the API, described by a file that is part of the program. */
#include "serve.h"

/* Read by the assembler; the Makefile knows that this depends on it. */
__asm__(".section .rodata\n"
	".global dl_serve_openapi_json\n"
	".global dl_serve_openapi_json_end\n"
	"dl_serve_openapi_json:\n"
	".incbin \"lib/openapi.json\"\n"
	"dl_serve_openapi_json_end:\n"
	".byte 0\n"
	".previous\n");

extern const char dl_serve_openapi_json[], dl_serve_openapi_json_end[];

struct dl_span
dl_serve_openapi_text(void)
{
	return dl_span(dl_serve_openapi_json,
	    (size_t)(dl_serve_openapi_json_end - dl_serve_openapi_json));
}

enum dl_http_next
dl_serve_openapi(struct dl_serve_call *call)
{
	return dl_http_answer_static(
	    call->q, 200, "application/json", dl_serve_openapi_text());
}
