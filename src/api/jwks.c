/* The JWK set: what the keyring holds, current or not. A receiver may keep it for 5 minutes: a new
 * key never signs alone before its overlap is over, which is longer unless an operator said so. */
#include "api/jwks.h"

#include <errno.h>

#include "api/desk.h"
#include "api/failure.h"
#include "auth/need.h"
#include "core/text.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"
#include "http/reply.h"
#include "http/request.h"

#define CACHE_CONTROL "max-age=300"

static void handle_jwks(void *context, struct bud_request *request);

const struct bud_route bud_jwks_routes[] = {
	{"GET", "/.well-known/jwks.json", handle_jwks, 0, BUD_NEED_NOTHING},
};
const size_t bud_jwks_routes_n = sizeof(bud_jwks_routes) / sizeof(bud_jwks_routes[0]);

static void handle_jwks(void *context, struct bud_request *request)
{
	struct bud_api_desk *desk = context;
	const struct bud_key_set *set = bud_keyring_take(desk->keyring);
	bud_auto(buffer) struct bud_buffer body = {0};

	/* An empty set would be kept, and believed. */
	if (set->keys_n == 0) {
		bud_key_set_unref(set);
		bud_failure_reply(request, -ENOKEY);
		return;
	}
	bud_jwks_write(set->keys, set->keys_n, &body);
	bud_key_set_unref(set);
	bud_reply_header(request, "Cache-Control", CACHE_CONTROL);
	bud_reply(request, 200, "application/jwk-set+json", bud_buffer_as_span(&body));
}
