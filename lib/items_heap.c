#include "items_heap.h"

#include "buf.h"

#include <malloc.h>
#include <stdlib.h>

/* expat tells its allocator nothing but sizes. */
static _Thread_local struct dl_items_heap *heap;

void
dl_items_heap_use(struct dl_items_heap *h)
{
	heap = h;
}

static bool
fits(size_t n)
{
	if (n <= heap->max && heap->held <= heap->max - n)
		return true;
	heap->full = true;
	return false;
}

static void *
take(size_t n)
{
	void *p = fits(n) ? dl_alloc(n) : NULL;

	heap->held += malloc_usable_size(p);
	return p;
}

static void *
resize(void *old, size_t n)
{
	size_t had = malloc_usable_size(old);
	void *p = n <= had || fits(n - had) ? dl_realloc(old, n) : NULL;

	if (p != NULL)
		heap->held += malloc_usable_size(p) - had;
	return p;
}

static void
give_back(void *p)
{
	heap->held -= malloc_usable_size(p);
	free(p);
}

const XML_Memory_Handling_Suite dl_items_heap_suite = {take, resize, give_back};
