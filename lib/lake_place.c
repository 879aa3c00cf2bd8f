#include "lake_place.h"

#include "home.h"

struct dl_lake_store *
dl_lake_place_open(const struct dl_lake_place *place, const char *address,
    enum dl_lake_mode mode, struct dl_err *err)
{
	char dir[PATH_MAX];

	if (dl_home_resolve(dir, place->home, "lake", address, err) < 0)
		return NULL;
	return dl_lake_disk(dir, mode, err);
}
