/* Grants in the registry: records like subscriptions', under ids of their own, so that the same
 * stream of changes, the same version and the same barrier serve both: an event that was published
 * after a grant was answered is matched with it, on every node. */
#pragma once
#include <stdbool.h>
#include "auth/grant.h"
#include "store/registry_follow.h"

struct bud_authority; /* auth/authorize.h */

/* What the id of a grant's record begins with: no subscription's can. */
#define BUD_GRANT_KEY "grant:"

bool bud_grant_key_is(struct bud_span id);

/* Creates; BUD_PUT_SAME: there is an identical one. `etag` is unique to this intent: the same again
 * after -ENOTCONN is safe. */
BUD_MUST_CHECK int bud_grant_put(struct bud_store *store, const struct bud_grant *grant,
	const char *etag, bud_put_fn fn, void *owner);
/* Takes it back. */
BUD_MUST_CHECK int bud_grant_put_end(
	struct bud_store *store, const char *id, const char *etag, bud_put_fn fn, void *owner);
BUD_MUST_CHECK int bud_grant_get(
	struct bud_store *store, const char *id, bud_registry_get_fn fn, void *owner);

/* From a stored value; -ENOENT: it was taken back; -EINVAL: it cannot be read. */
BUD_MUST_CHECK int bud_grant_read(
	const struct bud_registry_value *value, struct bud_grant **out_grant);
/* Whether the record is a grant's; then it is put into the authority, or removed from it. -EINVAL:
 * it is one that cannot be read, and permits nothing. */
BUD_MUST_CHECK int bud_grant_apply(
	struct bud_authority *authority, const struct bud_registry_record *record);
