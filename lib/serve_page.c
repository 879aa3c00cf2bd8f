/*
 * The page that people look at: three files that are part of the program.  It
 * runs no script and loads nothing but its own, and talks to nobody but us.
 */
#include "serve.h"

/* Read by the assembler; the Makefile knows that this depends on them. */
#define EMBED(name, file) \
	__asm__(".section .rodata\n" \
		".global " #name "\n" \
		".global " #name "_end\n" #name ":\n" \
		".incbin \"lib/page/" file "\"\n" #name "_end:\n" \
		".byte 0\n" \
		".previous\n"); \
	extern const char name[], name##_end[]

EMBED(dl_serve_page_html, "index.html");
EMBED(dl_serve_page_js, "page.js");
EMBED(dl_serve_page_css, "page.css");

#define CSP \
	"default-src 'none'; script-src 'self'; style-src 'self'; " \
	"connect-src 'self'; img-src 'self' data:; base-uri 'none'; " \
	"form-action 'none'; frame-ancestors 'none'"

static const struct file {
	const char *path, *type, *begin, *end;
} files[] = {
    {"/", "text/html; charset=utf-8", dl_serve_page_html,
	dl_serve_page_html_end},
    {"/page.js", "text/javascript; charset=utf-8", dl_serve_page_js,
	dl_serve_page_js_end},
    {"/page.css", "text/css; charset=utf-8", dl_serve_page_css,
	dl_serve_page_css_end},
};

static void
protect(struct dl_http_request *q)
{
	dl_http_header(q, "Content-Security-Policy", "%s", CSP);
	dl_http_header(q, "Referrer-Policy", "no-referrer");
	dl_http_header(q, "Cross-Origin-Opener-Policy", "same-origin");
	dl_http_header(q, "Cross-Origin-Resource-Policy", "same-origin");
	dl_http_header(q, "Permissions-Policy",
	    "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
}

/* A browser that asks for /favicon.ico has not read the page, which has one. */
enum dl_http_next
dl_serve_page(struct dl_serve_call *call)
{
	const struct file *f;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		f = &files[i];
		if (!dl_span_is(call->q->path, f->path))
			continue;
		protect(call->q);
		return dl_http_answer_static(call->q, 200, f->type,
		    (struct dl_span){f->begin, (size_t)(f->end - f->begin)});
	}
	return dl_http_answer(call->q, 204, NULL, false);
}
