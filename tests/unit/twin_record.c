/* twin_record: its order, and texts that come out of it as they went in. */
#include "twin_record.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#define S(lit) DL_SPAN(lit)

/* All pairs and triples of a few observations: antisymmetric, transitive. */
static void
the_order_is_total(void **unused)
{
	static const char *const sequences[] = {"", "0", "00", "1", "01", "9",
	    "10", "1a", "9a", "a", "-1", "99999999999999999999999"};
	enum { N = sizeof(sequences) / sizeof(*sequences) };
	static struct dl_twin_obs o[N];

	(void)unused;
	for (int i = 0; i < N; i++)
		o[i].sequence = dl_span_str(sequences[i]);
	for (int i = 0; i < N; i++)
		for (int j = 0; j < N; j++) {
			int ij = dl_twin_cmp(&o[i], &o[j]);

			assert_int_equal(ij == 0, i == j);
			assert_int_equal(ij > 0, dl_twin_cmp(&o[j], &o[i]) < 0);
			for (int k = 0; k < N; k++)
				if (ij < 0 && dl_twin_cmp(&o[j], &o[k]) < 0)
					assert_true(
					    dl_twin_cmp(&o[i], &o[k]) < 0);
		}
	/* Absent, numbers by value, the rest by bytes. */
	assert_true(dl_twin_cmp(&o[0], &o[1]) < 0);
	assert_true(dl_twin_cmp(&o[5], &o[6]) < 0);
	assert_true(dl_twin_cmp(&o[11], &o[10]) < 0);
	assert_true(dl_twin_cmp(&o[7], &o[8]) < 0);
}

/* Into bytes, and to *got in them; returns how many. */
static size_t
encode(struct dl_twin_obs o, char *bytes, size_t size, struct dl_twin_obs *got)
{
	struct dl_buf head = {0};
	struct dl_err err = {0};
	size_t n;

	dl_twin_pack(&head, &o);
	o.head = dl_buf_as_span(&head);
	n = dl_twin_encoded(&o);
	assert_true(n <= size);
	dl_twin_encode(&o, bytes);
	dl_buf_release(&head);
	if (dl_twin_decode(dl_span(bytes, n), got, &err) < 0)
		fail_msg("%s", err.msg);
	return n;
}

static void
record_survives_its_encoding(void **unused)
{
	struct dl_twin_obs o = {.time = {-62167219200, 999999999, 9},
			       .sequence = S("7"),
			       .id = S("id"),
			       .source = S("src"),
			       .recordedtime = S("r"),
			       .value = S("[1,2]"),
			       .change = UINT64_MAX},
			   got;
	char bytes[128];
	struct dl_err err = {0};
	size_t n = encode(o, bytes, sizeof(bytes), &got);

	(void)unused;
	assert_int_equal(dl_twin_join_cmp(&o, &got), 0);
	assert_true(got.change == UINT64_MAX);
	assert_int_equal(got.time.digits, 9);
	/* Cut anywhere before the value's first byte, it is an error. */
	for (size_t i = 0; i <= n - o.value.len; i++) {
		dl_err_clear(&err);
		assert_int_equal(
		    dl_twin_decode(dl_span(bytes, i), &got, &err), -1);
	}
	bytes[0] = 1;
	dl_err_clear(&err);
	assert_int_equal(dl_twin_decode(dl_span(bytes, n), &got, &err), -1);
	assert_non_null(strstr(err.msg, "version 1"));
}

#define HEX32 "0123456789abcdef0011223344556677"
static const char *const ids[] = {"", "-", "0", "a", "ab", "abc", "g", "AB",
    "aB", "abAB", "0x12", HEX32, HEX32 "8", HEX32 "88", HEX32 "ab:quake",
    HEX32 "a:quake", HEX32 ":quake.2", HEX32 "A", "A" HEX32,
    "123456789abcdef0011223344556677", "0123456789ABCDEF0011223344556677",
    HEX32 "/", HEX32 "`", "00", "000", "0000", "ffff", "fff", "fffg",
    "\xc3\xa9", "12\xc3\xa9", " 12", "12 "};
#define NIDS (sizeof(ids) / sizeof(*ids))

/* Packed or not, an id has its bytes and their order. */
static void
ids_survive_packing(void **unused)
{
	static struct dl_twin_obs o[NIDS], got[NIDS];
	static char bytes[NIDS][128];
	static char longest[DL_TWIN_TEXT_MAX], room[DL_TWIN_TEXT_MAX + 64];
	struct dl_twin_texts texts;
	struct dl_twin_record rec;

	(void)unused;
	for (size_t i = 0; i < NIDS; i++) {
		o[i] = (struct dl_twin_obs){
		    .id = dl_span_str(ids[i]), .value = S("1")};
		encode(o[i], bytes[i], sizeof(bytes[i]), &got[i]);
		dl_twin_record_fill(&rec, &got[i], &texts);
		assert_true(dl_span_is(rec.id, ids[i]));
		assert_true((rec.id.p == NULL) == (ids[i][0] == '\0'));
	}
	for (size_t i = 0; i < NIDS; i++)
		for (size_t j = 0; j < NIDS; j++) {
			int want = dl_span_cmp(o[i].id, o[j].id);
			int r = dl_twin_cmp(&got[i], &got[j]);

			assert_int_equal(
			    (r > 0) - (r < 0), (want > 0) - (want < 0));
			assert_int_equal(
			    dl_twin_cmp(&got[i], &o[j]) > 0, want > 0);
		}
	/* A hash takes half its digits, and the longest id fits. */
	assert_int_equal(encode(o[11], bytes[0], 128, &got[0]),
	    encode(o[0], bytes[0], 128, &got[0]) + 16);
	memset(longest, 'f', sizeof(longest));
	for (size_t i = 0; i < 2; i++) {
		o[0].id = dl_span(longest, sizeof(longest) - i);
		encode(o[0], room, sizeof(room), &got[0]);
		dl_twin_record_fill(&rec, &got[0], &texts);
		assert_true(dl_span_eq(rec.id, o[0].id));
	}
}

static const char *const times[] = {"", "-", "2018-02-07T01:26:13Z",
    "2018-02-07T01:26:13.8Z", "2018-02-07T01:26:13.80Z",
    "2018-02-07T01:26:13.840Z", "2018-02-07T01:26:13.8400Z",
    "2018-02-07T01:26:13.12345Z", "2018-02-07T01:26:13.123456Z",
    "2018-02-07T01:26:13.1234567Z", "2018-02-07T01:26:13.12345678Z",
    "2018-02-07T01:26:13.123456789Z", "2018-02-07T01:26:13.000000000Z",
    "2018-02-07T01:26:13.1234567891Z", "2018-02-07t01:26:13Z",
    "2018-02-07 01:26:13Z", "2018-02-07T01:26:13z", "2018-02-07T01:26:13+00:00",
    "2018-02-07T02:26:13.5+01:00", "2016-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:60Z", "2018-02-30T01:26:13Z", "2018-02-07T01:26:13.Z",
    "2018-02-07T01:26:13ZZ", "2018-02-07"};
#define NTIMES (sizeof(times) / sizeof(*times))

/* As an instant or as it is, a recordedtime is printed as it was. */
static void
recordedtimes_survive_packing(void **unused)
{
	static struct dl_twin_obs o[NTIMES], got[NTIMES];
	static char bytes[NTIMES][128];
	struct dl_twin_texts texts;
	struct dl_twin_record rec;
	size_t ninstants = 0;

	(void)unused;
	for (size_t i = 0; i < NTIMES; i++) {
		o[i] = (struct dl_twin_obs){
		    .recordedtime = dl_span_str(times[i]), .value = S("1")};
		encode(o[i], bytes[i], sizeof(bytes[i]), &got[i]);
		dl_twin_record_fill(&rec, &got[i], &texts);
		assert_true(dl_span_is(rec.recordedtime, times[i]));
		ninstants += got[i].is_instant;
	}
	assert_int_equal(ninstants, 13);
	for (size_t i = 0; i < NTIMES; i++)
		for (size_t j = 0; j < NTIMES; j++) {
			int want =
			    dl_span_cmp(o[j].recordedtime, o[i].recordedtime);
			int r = dl_twin_join_cmp(&got[i], &got[j]);

			assert_int_equal(
			    (r > 0) - (r < 0), (want > 0) - (want < 0));
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_order_is_total),
	    cmocka_unit_test(record_survives_its_encoding),
	    cmocka_unit_test(ids_survive_packing),
	    cmocka_unit_test(recordedtimes_survive_packing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
