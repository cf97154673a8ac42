/* The body of POST /grants. Within api/ only. */
#pragma once
#include "core/alloc.h"
#include "core/error.h"
#include "core/text.h"

struct bud_grant; /* auth/grant.h */

struct bud_grants_giving {
	const char *owner;
	int64_t now_ms;
	struct bud_span person_key; /* of the hashes of person numbers */
};

/* {"to":"/org/skd","actions":["subscribe"],"resource":…,"types":[…],"until":…}; a new grant by the
 * owner. A person's number in `to` is hashed, as identities have it. -EINVAL: `error` names the
 * member. */
BUD_MUST_CHECK int bud_grants_body_parse(struct bud_span json,
	const struct bud_grants_giving *giving, struct bud_grant **out_grant,
	struct bud_error *error);
