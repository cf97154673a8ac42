/* JSON bodies. */
#include "api/json_body.h"

#include <jansson.h>

#include "core/error.h"
#include "event/media_type.h"
#include "http/reply.h"
#include "http/request.h"
#include "subscription/body.h"

static bool is_type(const struct bud_request *request, const char *name)
{
	struct bud_media_type type;

	return bud_media_type_parse(request->content_type, &type) &&
	       bud_span_is_nocase(type.essence, name) && bud_media_type_is_utf8(&type);
}

bool bud_json_body_check_type(struct bud_request *request)
{
	bool is_patch = bud_span_is(request->method, "PATCH");
	struct bud_error error;

	if (request->content_type.len == 0 || is_type(request, "application/json") ||
		(is_patch && is_type(request, "application/merge-patch+json")))
		return true;
	(void)bud_error_set(&error, NULL, "the body must be application/json%s",
		is_patch ? " or application/merge-patch+json" : "");
	bud_reply_problem(request, 415, "unsupported-media-type", "Unsupported media type", &error);
	return false;
}

void bud_json_body_refuse(struct bud_request *request, const struct bud_error *error)
{
	bud_reply_problem(request, 400, "bad-request", "Not a valid request", error);
}

json_t *bud_json_body_take(struct bud_request *request, const char *const *known)
{
	struct bud_error error = {0};
	json_t *root = NULL;
	int r;

	if (!bud_json_body_check_type(request))
		return NULL;
	if (request->body.len == 0)
		return json_object();
	r = bud_body_parse(request->body, &root, &error);
	if (r == 0)
		r = bud_body_check(root, "", known, &error);
	if (r == 0)
		return root;
	json_decref(root);
	bud_json_body_refuse(request, &error);
	return NULL;
}
