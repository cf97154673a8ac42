/* New secrets. */
#include "api/secret.h"

#include <jansson.h>

#include "api/etag.h"
#include "core/clock.h"
#include "http/reply.h"
#include "subscription/body.h"
#include "subscription/rotation.h"
#include "subscription/subscription.h"

#define OVERLAP_S_DEFAULT 86400
#define OVERLAP_S_MAX     604800

static int read_rotation(const json_t *root, struct bud_rotation *rotation, struct bud_error *error)
{
	static const char *const known[] = {"secret", "overlap_s", NULL};
	const json_t *secret = json_object_get(root, "secret");
	const json_t *overlap = json_object_get(root, "overlap_s");
	json_int_t overlap_s = overlap ? json_integer_value(overlap) : OVERLAP_S_DEFAULT;
	int r = bud_body_check(root, "", known, error);

	if (r < 0)
		return r;
	if (secret && !json_is_string(secret))
		return bud_error_set(error, "secret",
			"secret must be a text such as whsec_ and base64; leave it out for a new "
			"one");
	if ((overlap && !json_is_integer(overlap)) || overlap_s < 0 || overlap_s > OVERLAP_S_MAX)
		return bud_error_set(error, "overlap_s",
			"overlap_s must be a whole number of seconds from 0 to %d", OVERLAP_S_MAX);
	if (secret)
		rotation->secret =
			(struct bud_span){json_string_value(secret), json_string_length(secret)};
	rotation->overlap_ms = overlap_s * 1000;
	return 0;
}

int bud_secret_rotate(const struct bud_subscription *old, struct bud_span body,
	const struct bud_subscription_defaults *defaults,
	struct bud_subscription **out_subscription, struct bud_error *error)
{
	json_auto_t *root = NULL;
	struct bud_rotation rotation = {.secret = {NULL, 0}};
	int r = 0;

	if (body.len > 0)
		r = bud_body_parse(body, &root, error);
	else
		root = json_object();
	if (r == 0)
		r = read_rotation(root, &rotation, error);
	if (r == 0)
		r = bud_subscription_rotate(old, &rotation, defaults, out_subscription, error);
	return r;
}

void bud_secret_answer(
	struct bud_request *request, const struct bud_subscription *made, bool is_new)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer location = {0};

	bud_buffer_format(&location, "/subscriptions/%s", made->id);
	if (is_new)
		bud_reply_header(request, "Location", location.at);
	bud_etag_reply(request, made->etag);
	bud_reply_header(request, "Cache-Control", "no-store");
	bud_subscription_write_api(made, BUD_SUBSCRIPTION_SECRET_SHOWN, bud_clock_wall_ms(), &body);
	bud_reply(request, is_new ? 201 : 200, "application/json", bud_buffer_as_span(&body));
	explicit_bzero(body.at, body.len);
}
