#include "fixed.h"

#include "json.h"

#include <stdint.h>
#include <stdio.h>

static const __int128 limit =
    (__int128)10000000000 * 10000000000 * 1000000000000000000;

/* n * 10^shift; false: it is not below the limit. */
static bool
scale_up(__int128 *n, int64_t shift)
{
	for (; shift > 0 && *n != 0; shift--) {
		if (*n >= limit / 10)
			return false;
		*n *= 10;
	}
	return true;
}

static int64_t
parse_exponent(const char *p, const char *end)
{
	int64_t n = 0;
	bool negative = p < end && *p == '-';

	for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
		n = n < 1000000000 ? n * 10 + (*p - '0') : n;
	return negative ? -n : n;
}

bool
dl_fixed_parse(struct dl_span text, __int128 *number)
{
	const char *p = text.p, *end = dl_span_end(text);
	bool negative = *p == '-', below = false;
	int64_t zeros = 0, decimals = 0;
	__int128 n = 0;

	for (p += negative; p < end && *p != 'e' && *p != 'E'; p++) {
		if (*p == '.') {
			below = true;
			continue;
		}
		decimals += below;
		zeros++;
		if (*p == '0')
			continue;
		if (!scale_up(&n, zeros))
			return false;
		n += *p - '0';
		zeros = 0;
	}
	zeros += DL_FIXED_DECIMALS - decimals;
	if (p < end)
		zeros += parse_exponent(p + 1, end);
	if ((n != 0 && zeros < 0) || !scale_up(&n, zeros) || n >= limit)
		return false;
	*number = negative ? -n : n;
	return true;
}

void
dl_fixed_print(struct dl_buf *b, __int128 n)
{
	const int64_t unit = 1000000000000000000;
	char digits[32];
	int len = DL_FIXED_DECIMALS;

	if (n < 0) {
		dl_buf_addc(b, '-');
		n = -n;
	}
	/* Less than 10^20, which two words of ten digits are. */
	if (n / unit >= 10000000000)
		dl_buf_printf(b, "%lld%010lld",
		    (long long)(n / unit / 10000000000),
		    (long long)(n / unit % 10000000000));
	else
		dl_buf_printf(b, "%lld", (long long)(n / unit));
	snprintf(digits, sizeof(digits), "%018lld", (long long)(n % unit));
	while (len > 0 && digits[len - 1] == '0')
		len--;
	if (len > 0)
		dl_buf_printf(b, ".%.*s", len, digits);
}

bool
dl_fixed_is_number(struct dl_span text)
{
	struct dl_err ignored = {0};
	char first = text.len > 0 ? text.p[0] : ' ';
	char last = text.len > 0 ? text.p[text.len - 1] : ' ';

	return (first == '-' || (first >= '0' && first <= '9')) &&
	       last >= '0' && last <= '9' && dl_json_check(text, &ignored) == 0;
}
