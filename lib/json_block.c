/* Which kernel runs. */
#include "json_block.h"

const struct dl_json_kernel *dl_json_kernel = &dl_json_kernel_plain;

const struct dl_json_kernel *
dl_json_kernel_nth(size_t i)
{
	const struct dl_json_kernel *all[4] = {&dl_json_kernel_plain};
	size_t n = 1;

#ifdef __SSE2__
	all[n++] = &dl_json_kernel_sse2;
#endif
#ifdef __x86_64__
	if (dl_json_avx2_usable())
		all[n++] = &dl_json_kernel_avx2;
#endif
#ifdef __aarch64__
	all[n++] = &dl_json_kernel_neon;
#endif
	return i < n ? all[i] : NULL;
}

/* The last is the best.  Before main(), so that no thread sees it change. */
__attribute__((constructor)) static void
choose(void)
{
	const struct dl_json_kernel *k;

	for (size_t i = 0; (k = dl_json_kernel_nth(i)) != NULL; i++)
		dl_json_kernel = k;
}
