/* Sorting values: what is compared often is read once. */
#include "expr_value.h"

#include "expr_number.h"

/* A value with its number as a double and its string decoded. */
struct key {
	struct dl_value v;
	double d;
};

struct sort {
	struct dl_arena *arena;
	struct dl_err *err;
	struct key *keys; /* by their index in values */
};

static int
cmp(const struct sort *s, uint32_t ix, uint32_t iy, int *r)
{
	const struct key *x = &s->keys[ix], *y = &s->keys[iy];

	if (x->v.kind == y->v.kind && x->v.kind == DL_JSON_NUMBER)
		*r = dl_number_cmp(s->arena, &x->v, &y->v, x->d, y->d);
	else if (x->v.kind == y->v.kind && x->v.kind == DL_JSON_STRING)
		*r = dl_span_cmp(x->v.text, y->v.text);
	else
		return dl_value_cmp(s->arena, &x->v, &y->v, r, s->err);
	return 0;
}

/* The only element of an array: 1, 0 if it is none or has not just one. */
static int
only_element(
    const struct dl_value *array, struct dl_value *element, struct dl_err *err)
{
	struct dl_value_iter it;
	struct dl_value more;
	int r;

	if (array->kind != DL_JSON_ARRAY)
		return 0;
	dl_value_enter(&it, array);
	if ((r = dl_value_next(&it, NULL, element, err)) <= 0)
		return r;
	if ((r = dl_value_next(&it, NULL, &more, err)) < 0)
		return -1;
	return r == 0;
}

/* Arrays of one element each have the order of these: so sort_by() asks. */
static int
unwrap(const struct sort *s, const struct dl_value *values,
    const uint32_t *order, size_t n)
{
	size_t i;
	int r = 1;

	for (i = 0; i < n && r > 0; i++)
		r = only_element(
		    &values[order[i]], &s->keys[order[i]].v, s->err);
	for (i = 0; r == 0 && i < n; i++)
		s->keys[order[i]].v = values[order[i]];
	return r;
}

static int
make_keys(const struct sort *s, const struct dl_value *values,
    const uint32_t *order, size_t n)
{
	struct dl_span text;

	if (unwrap(s, values, order, n) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct key *key = &s->keys[order[i]];

		if (key->v.kind == DL_JSON_NUMBER)
			key->d = dl_value_double(&key->v);
		if (key->v.kind != DL_JSON_STRING)
			continue;
		if (dl_value_string(s->arena, &key->v, &text, s->err) < 0)
			return -1;
		key->v = dl_value_text(text);
	}
	return 0;
}

/* from[lo..mid-1] and from[mid..hi-1] are in order: both, in order, to to. */
static int
merge(const struct sort *s, const uint32_t *from, uint32_t *to, size_t lo,
    size_t mid, size_t hi)
{
	size_t i = lo, k = mid;
	int r;

	if (mid < hi) {
		if (cmp(s, from[mid - 1], from[mid], &r) < 0)
			return -1;
		if (r <= 0)
			k = mid = hi;
	}
	while (i < mid && k < hi) {
		if (cmp(s, from[i], from[k], &r) < 0)
			return -1;
		to[lo++] = r <= 0 ? from[i++] : from[k++];
	}
	memcpy(to + lo, from + i, (mid - i) * sizeof(*to));
	memcpy(to + lo + (mid - i), from + k, (hi - k) * sizeof(*to));
	return 0;
}

static int
sort(const struct sort *s, uint32_t *order, uint32_t *spare, size_t n)
{
	uint32_t *from = order, *to = spare, *was;

	for (size_t width = 1; width < n; width *= 2) {
		for (size_t lo = 0; lo < n; lo += 2 * width) {
			size_t mid = n - lo < width ? n : lo + width;
			size_t hi = n - mid < width ? n : mid + width;

			if (merge(s, from, to, lo, mid, hi) < 0)
				return -1;
		}
		was = from;
		from = to;
		to = was;
	}
	if (from != order)
		memcpy(order, from, n * sizeof(*order));
	return 0;
}

int
dl_value_sort(struct dl_arena *a, const struct dl_value *values,
    uint32_t *order, size_t n, struct dl_err *err)
{
	struct dl_arena_mark mark = dl_arena_mark(a);
	struct sort s = {a, err, NULL};
	uint32_t *spare = NULL;
	size_t most = 0;
	int r;

	for (size_t i = 0; i < n; i++)
		if (order[i] >= most)
			most = (size_t)order[i] + 1;
	if (most <= DL_ARENA_MAX / sizeof(*s.keys))
		s.keys = dl_arena_alloc(a, most * sizeof(*s.keys));
	if (n <= DL_ARENA_MAX / sizeof(*spare))
		spare = dl_arena_alloc(a, n * sizeof(*spare));
	if (s.keys == NULL || spare == NULL)
		return dl_err_data(err, DL_ARENA_FULL);
	r = make_keys(&s, values, order, n);
	if (r == 0)
		r = sort(&s, order, spare, n);
	dl_arena_back(a, mark);
	return r;
}
