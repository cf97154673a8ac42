/* Signing keys: body read -> rotated -> answered with what the keyring holds then. A rotation whose
 * answer was lost may have happened: GET /keys tells. */
#include "api/keys.h"

#include <jansson.h>
#include <stdlib.h>

#include "api/failure.h"
#include "api/json_body.h"
#include "auth/need.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"
#include "crypto/keyring.h"
#include "crypto/signing_key.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/key_keeper.h"
#include "subscription/body.h"

#define OVERLAP_S     86400
#define OVERLAP_S_MAX (30 * 86400)

struct rotating {
	struct bud_keys_api *api;
	struct bud_request *request;
};

static void handle_keys(void *context, struct bud_request *request);
static void handle_rotate(void *context, struct bud_request *request);

const struct bud_route bud_keys_routes[] = {
	{"GET", "/keys", handle_keys, 0, BUD_NEED_NOTHING},
	{"POST", "/keys/rotate", handle_rotate, BUD_API_BODY_BYTES_MAX, BUD_NEED_NOTHING},
};
const size_t bud_keys_routes_n = sizeof(bud_keys_routes) / sizeof(bud_keys_routes[0]);

static void write_key(const struct bud_key_set *set, size_t i, struct bud_buffer *out)
{
	const char *state = i == 0 ? "current" : i < set->signers_n ? "signing" : "published";

	bud_buffer_format(out, "%s{\"kid\":\"%s\",\"public_key\":\"", i > 0 ? "," : "",
		bud_signing_key_id(set->keys[i]));
	bud_signing_key_write_public(set->keys[i], out);
	bud_buffer_format(out, "\",\"state\":\"%s\"}", state);
}

static void answer(const struct bud_keys_api *api, struct bud_request *request)
{
	const struct bud_key_set *set = bud_keyring_take(api->keyring);
	bud_auto(buffer) struct bud_buffer body = {0};

	bud_buffer_text(&body, "{\"keys\":[");
	for (size_t i = 0; i < set->keys_n; i++)
		write_key(set, i, &body);
	bud_buffer_text(&body, "]}");
	bud_key_set_unref(set);
	bud_reply(request, 200, "application/json", bud_buffer_as_span(&body));
}

static void handle_keys(void *context, struct bud_request *request)
{
	answer(context, request);
}

static void on_rotated(void *owner, int err)
{
	struct rotating rotating = *(struct rotating *)owner;

	free(owner);
	if (err < 0)
		bud_failure_reply(rotating.request, err);
	else
		answer(rotating.api, rotating.request);
}

/* False: the body is refused, and that was answered. */
static bool read_overlap(struct bud_request *request, int64_t *out_overlap_s)
{
	static const char *const members[] = {"overlap_s", NULL};
	const struct bud_body_integer rule = {"overlap_s", 0, OVERLAP_S_MAX};
	json_auto_t *body = bud_json_body_take(request, members);
	struct bud_error error = {0};

	if (!body)
		return false;
	if (bud_body_integer(json_object_get(body, "overlap_s"), &rule, out_overlap_s, &error) == 0)
		return true;
	bud_json_body_refuse(request, &error);
	return false;
}

static void handle_rotate(void *context, struct bud_request *request)
{
	struct bud_keys_api *api = context;
	int64_t overlap_s = OVERLAP_S;
	struct rotating *rotating;
	int r;

	if (!read_overlap(request, &overlap_s))
		return;
	if (!api->keeper) {
		bud_failure_reply_unavailable(request, "the server is starting");
		return;
	}
	rotating = bud_new(struct rotating);
	*rotating = (struct rotating){api, request};
	r = bud_key_keeper_rotate(api->keeper, overlap_s * 1000, on_rotated, rotating);
	if (r == 0)
		return;
	free(rotating);
	bud_failure_reply(request, r);
}
