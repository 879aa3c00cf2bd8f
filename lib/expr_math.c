/* jq's functions of numbers: libm's, by their names. */
#include "expr_fn_private.h"

#include "expr_number.h"

#include <math.h>

static int
number_of(struct dl_fn_env *env, const struct dl_value *v, double *d)
{
	*d = 0;
	if (v->kind != DL_JSON_NUMBER)
		return dl_fn_fail1(env, v, "number required");
	*d = dl_value_double(v);
	return 0;
}

/* A function of '.', of two arguments, and of three. */
#define ONE(name, call) \
	static int fn_##name(struct dl_fn_env *env, const struct dl_value *in, \
	    const struct dl_value *args, struct dl_value *result) \
	{ \
		double x; \
\
		(void)args; \
		if (number_of(env, in, &x) < 0) \
			return -1; \
		return dl_fn_give(result, dl_value_number(call)); \
	}
/* What leaves an integer as it is, also one that no double holds. */
#define WHOLE(name) \
	static int fn_##name(struct dl_fn_env *env, const struct dl_value *in, \
	    const struct dl_value *args, struct dl_value *result) \
	{ \
		double x; \
\
		(void)args; \
		if (number_of(env, in, &x) < 0) \
			return -1; \
		if (dl_number_is_long(env->arena, in)) \
			return dl_fn_give(result, *in); \
		return dl_fn_give(result, dl_value_number(name(x))); \
	}
#define TWO(name, call) \
	static int fn_##name(struct dl_fn_env *env, const struct dl_value *in, \
	    const struct dl_value *args, struct dl_value *result) \
	{ \
		double x, y; \
\
		(void)in; \
		if (number_of(env, &args[0], &x) < 0 || \
		    number_of(env, &args[1], &y) < 0) \
			return -1; \
		return dl_fn_give(result, dl_value_number(call)); \
	}
#define TEST(name, call) \
	static int fn_##name(struct dl_fn_env *env, const struct dl_value *in, \
	    const struct dl_value *args, struct dl_value *result) \
	{ \
		double x = 0; \
\
		(void)env; \
		(void)args; \
		if (in->kind != DL_JSON_NUMBER) \
			return dl_fn_give(result, dl_value_false); \
		x = dl_value_double(in); \
		return dl_fn_give(result, dl_value_bool(call)); \
	}

/* clang-format off */
#define ONES(F) \
	F(acos) F(acosh) F(asin) F(asinh) F(atan) F(atanh) F(cbrt) \
	F(cos) F(cosh) F(erf) F(erfc) F(exp) F(exp10) F(exp2) F(expm1) \
	F(gamma) F(j0) F(j1) F(lgamma) F(log) F(log10) F(log1p) F(log2) \
	F(logb) F(significand) F(sin) F(sinh) F(sqrt) F(tan) F(tanh) \
	F(tgamma) F(y0) F(y1)
#define WHOLES(F) F(ceil) F(floor) F(nearbyint) F(rint) F(round) F(trunc)
#define TWOS(F) \
	F(atan2) F(copysign) F(drem) F(fdim) F(fmax) F(fmin) F(fmod) \
	F(hypot) F(nextafter) F(pow) F(remainder) F(scalb)
/* clang-format on */

#define DEFINE_ONE(name) ONE(name, name(x))
#define DEFINE_TWO(name) TWO(name, name(x, y))
#define LIST_ONE(name) {#name, 0, fn_##name},
#define LIST_TWO(name) {#name, 2, fn_##name},

ONES(DEFINE_ONE)
WHOLES(WHOLE)
TWOS(DEFINE_TWO)
TWO(nexttoward, nexttoward(x, (long double)y))
TEST(isinfinite, isinf(x) != 0)
TEST(isfinite, isinf(x) == 0)
TEST(isnan, isnan(x))
TEST(isnormal, isnormal(x))

int
dl_fn_absolute(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	double x;

	(void)args;
	if (number_of(env, in, &x) < 0)
		return -1;
	if (!dl_number_is_long(env->arena, in))
		return dl_fn_give(result, dl_value_number(fabs(x)));
	*result = *in;
	if (x < 0) {
		result->text.p++;
		result->text.len--;
	}
	return 1;
}

static int
fn_fma(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	double x, y, z;

	(void)in;
	if (number_of(env, &args[0], &x) < 0 ||
	    number_of(env, &args[1], &y) < 0 ||
	    number_of(env, &args[2], &z) < 0)
		return -1;
	return dl_fn_give(result, dl_value_number(fma(x, y, z)));
}

/* An int as C on x86 makes it of a double, and so jq. */
static int
to_int(double d)
{
	return d > -0x1p31 - 1 && d < 0x1p31 ? (int)d : INT32_MIN;
}

TWO(ldexp, ldexp(x, to_int(y)))

static int
fn_infinite(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)env;
	(void)in;
	(void)args;
	return dl_fn_give(result, dl_value_number(INFINITY));
}

static int
fn_nan(struct dl_fn_env *env, const struct dl_value *in,
    const struct dl_value *args, struct dl_value *result)
{
	(void)env;
	(void)in;
	(void)args;
	return dl_fn_give(result, dl_value_number(NAN));
}

const struct dl_fn_entry dl_fn_numbers[] = {
    ONES(LIST_ONE) WHOLES(LIST_ONE) TWOS(LIST_TWO){"fabs", 0, dl_fn_absolute},
    {"nexttoward", 2, fn_nexttoward},
    {"ldexp", 2, fn_ldexp},
    {"fma", 3, fn_fma},
    {"isinfinite", 0, fn_isinfinite},
    {"isfinite", 0, fn_isfinite},
    {"isnan", 0, fn_isnan},
    {"isnormal", 0, fn_isnormal},
    {"infinite", 0, fn_infinite},
    {"nan", 0, fn_nan},
    {NULL, 0, NULL},
};
