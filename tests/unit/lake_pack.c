/* lake_pack.h: the same files for any number of threads, and failures told. */
#include "lake_pack.h"
#include "line.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#define FILES 7
#define CHUNKS_PUT 60

/* A storage in memory, of which writes may be slow, or fail. */
struct dl_staged {
	struct dl_buf bytes;
	int sealed, published;
	struct memory *memory;
};

struct memory {
	struct dl_lake_store base;
	struct dl_staged files[FILES];
	size_t fail_at; /* a file that has so many bytes takes no more */
	int slow_us;
};

static int
write_memory(struct dl_staged *g, struct dl_span bytes, struct dl_err *err)
{
	if (g->memory->slow_us > 0)
		usleep((useconds_t)g->memory->slow_us);
	assert_int_equal(g->sealed, 0);
	if (g->bytes.len + bytes.len > g->memory->fail_at)
		return dl_err_temp(err, "no room for %zu", bytes.len);
	dl_buf_span(&g->bytes, bytes);
	return 0;
}

static int
seal_memory(struct dl_staged *g, const char *partition, struct dl_err *err)
{
	(void)err;
	assert_string_equal(partition, "p");
	g->sealed++;
	return 0;
}

static int
publish_memory(struct dl_staged *g, struct dl_err *err)
{
	(void)err;
	assert_int_equal(g->sealed, 1);
	g->published++;
	return 0;
}

static const struct dl_lake_ops ops = {.write = write_memory,
    .seal = seal_memory,
    .publish = publish_memory};

static void
begin(struct memory *m, struct dl_lake_file files[FILES])
{
	size_t i;

	*m = (struct memory){.base = {.ops = &ops}, .fail_at = SIZE_MAX};
	for (i = 0; i < FILES; i++) {
		m->files[i].memory = m;
		files[i] = (struct dl_lake_file){.staged = &m->files[i]};
		crypto_hash_sha256_init(&files[i].sha256);
	}
}

static void
end(struct memory *m)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		dl_buf_release(&m->files[i].bytes);
}

/* A chain of n blocks, whose text says which it is; their bytes to *bytes. */
static struct dl_lake_block *
make_blocks(struct dl_lake_pack *p, unsigned int seed, size_t n, size_t *bytes,
    struct dl_buf *text)
{
	struct dl_lake_block *first = NULL, *b;
	size_t i;

	*bytes = 0;
	while (n-- > 0) {
		b = dl_lake_pack_block(p);
		assert_int_equal(b->len, 0);
		b->len = n == 0 ? DL_LAKE_BLOCK - 7 : DL_LAKE_BLOCK;
		for (i = 0; i < b->len; i++)
			b->bytes[i] = (char)('a' + rand_r(&seed) % 16);
		b->bytes[b->len - 1] = '\n';
		*bytes += b->len;
		b->next = first;
		first = b;
	}
	for (b = first; b != NULL; b = b->next)
		dl_buf_add(text, b->bytes, b->len);
	return first;
}

static int
put_some(struct dl_lake_pack *p, struct dl_lake_file *file, unsigned int i,
    struct dl_buf *text, struct dl_err *err)
{
	static const size_t sizes[] = {1, 64, 2, 1, 7, 33};
	struct dl_lake_block *b;
	size_t bytes;

	b = make_blocks(
	    p, i, sizes[i % (sizeof(sizes) / sizeof(sizes[0]))], &bytes, text);
	return dl_lake_pack_put(p, file, b, bytes, err);
}

/* Pack the same chunks with so many threads; texts is what was put. */
static void
run(struct memory *m, struct dl_lake_file files[FILES], int threads,
    const char *codec, struct dl_buf texts[FILES])
{
	struct dl_err err = {0};
	struct dl_lake_pack *p;
	struct dl_codec c;
	unsigned int i;

	assert_int_equal(dl_codec_parse(codec, &c, &err), 0);
	assert_non_null(p = dl_lake_pack_new(&m->base, &c, threads, &err));
	for (i = 0; i < CHUNKS_PUT; i++)
		/* The first file gets most of them. */
		assert_int_equal(put_some(p, &files[i % 3 ? 0 : i % FILES], i,
				     &texts[i % 3 ? 0 : i % FILES], &err),
		    0);
	for (i = 0; i < FILES; i++)
		assert_int_equal(dl_lake_pack_seal(p, &files[i], "p", &err), 0);
	for (i = 0; i < FILES; i++)
		assert_int_equal(dl_lake_pack_wait(p, &files[i], &err), 0);
	for (i = 0; i < FILES; i++) {
		assert_int_equal(m->files[i].sealed, 1);
		assert_int_equal(m->files[i].published, 0);
		assert_int_equal(files[i].packed_bytes, m->files[i].bytes.len);
		assert_int_equal(dl_lake_pack_publish(p, &files[i], &err), 0);
	}
	for (i = 0; i < FILES; i++) {
		assert_int_equal(dl_lake_pack_wait(p, &files[i], &err), 0);
		assert_int_equal(m->files[i].published, 1);
		assert_null(files[i].staged);
	}
	dl_lake_pack_free(p);
}

static void
release(struct dl_buf texts[FILES])
{
	size_t i;

	for (i = 0; i < FILES; i++)
		dl_buf_release(&texts[i]);
}

/* What a file unpacks to is what was put for it, in its order. */
static void
check_text(struct dl_span packed, enum dl_codec_kind kind, struct dl_span text)
{
	char path[] = "/tmp/dl-lake-pack-XXXXXX";
	struct dl_err err = {0};
	struct dl_unpack *u;
	struct dl_span lines;
	size_t at = 0;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(write(fd, packed.p, packed.len), (ssize_t)packed.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_non_null(u = dl_unpack_new(fd, "x", kind, &err));
	while (dl_unpack_lines(u, &lines, &err) > 0) {
		assert_true(at + lines.len <= text.len);
		assert_memory_equal(text.p + at, lines.p, lines.len);
		at += lines.len;
	}
	assert_int_equal(err.status, 0);
	assert_int_equal(at, text.len);
	dl_unpack_free(u);
	close(fd);
}

static void
same_files(void **state)
{
	static const char *const codecs[] = {"zstd", "gzip:1", "none"};
	static const int threads[] = {2, 4, DL_LAKE_MOST_THREADS};
	size_t i, c, t;

	(void)state;
	for (c = 0; c < 3; c++) {
		struct dl_buf texts[FILES] = {{0}};
		struct dl_lake_file files[FILES], others[FILES];
		struct memory one, many;

		begin(&one, files);
		run(&one, files, 1, codecs[c], texts);
		for (i = 0; i < FILES; i++) {
			if (texts[i].len == 0)
				continue;
			check_text(dl_buf_as_span(&one.files[i].bytes),
			    c == 0   ? DL_CODEC_ZSTD
			    : c == 1 ? DL_CODEC_GZIP
				     : DL_CODEC_NONE,
			    dl_buf_as_span(&texts[i]));
		}
		for (t = 0; t < 3; t++) {
			struct dl_buf ignored[FILES] = {{0}};

			begin(&many, others);
			many.slow_us = t == 1 ? 500 : 0;
			run(&many, others, threads[t], codecs[c], ignored);
			for (i = 0; i < FILES; i++) {
				assert_true(dl_span_eq(
				    dl_buf_as_span(&one.files[i].bytes),
				    dl_buf_as_span(&many.files[i].bytes)));
				assert_memory_equal(&files[i].sha256,
				    &others[i].sha256, sizeof(files[i].sha256));
			}
			end(&many);
			release(ignored);
		}
		end(&one);
		release(texts);
	}
}

/* A write that fails is told soon, and to all; nothing comes after it. */
static void
failures(void **state)
{
	static const int threads[] = {1, 2, 4};
	struct dl_codec c = {.kind = DL_CODEC_NONE};
	size_t t;

	(void)state;
	for (t = 0; t < 3; t++) {
		struct dl_buf text = {0};
		struct dl_lake_file files[FILES];
		struct dl_lake_pack *p;
		struct dl_err err = {0};
		struct memory m;
		unsigned int i;

		begin(&m, files);
		m.fail_at = 3 << 20;
		p = dl_lake_pack_new(&m.base, &c, threads[t], &err);
		assert_non_null(p);
		for (i = 0; i < 500; i++)
			if (put_some(p, &files[0], i, &text, &err) < 0)
				break;
		assert_true(i < 500);
		assert_int_equal(err.status, DL_EXIT_TEMP);
		assert_non_null(strstr(err.msg, "no room for "));
		/* No more than was on the way came in before it was told. */
		assert_true(text.len < (3u << 20) + (10u << 20));
		dl_err_clear(&err);
		assert_int_equal(
		    dl_lake_pack_seal(p, &files[1], "p", &err), -1);
		dl_err_clear(&err);
		assert_int_equal(dl_lake_pack_wait(p, &files[1], &err), -1);
		assert_non_null(strstr(err.msg, "no room for "));
		dl_lake_pack_end(p);
		dl_lake_pack_free(p);
		assert_true(m.files[0].bytes.len <= m.fail_at);
		assert_int_equal(m.files[1].sealed, 0);
		end(&m);
		dl_buf_release(&text);
	}
}

/* The end in the middle of things drops what waits. */
static void
dropping(void **state)
{
	struct dl_codec c = {.kind = DL_CODEC_ZSTD, .level = 3};
	unsigned int i, n;

	(void)state;
	for (n = 1; n < 40; n++) {
		struct dl_buf text = {0};
		struct dl_lake_file files[FILES];
		struct dl_lake_pack *p;
		struct dl_err err = {0};
		struct memory m;

		begin(&m, files);
		m.slow_us = 100;
		assert_non_null(p = dl_lake_pack_new(&m.base, &c, 4, &err));
		for (i = 0; i < n; i++)
			assert_int_equal(
			    put_some(p, &files[i % FILES], i, &text, &err), 0);
		dl_lake_pack_give_back(p, dl_lake_pack_block(p));
		dl_lake_pack_free(p);
		end(&m);
		dl_buf_release(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_files),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(dropping),
	};

	return sodium_init() < 0 ? 1
	                         : cmocka_run_group_tests(tests, NULL, NULL);
}
