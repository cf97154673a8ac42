/* API keys. A new one: body read -> made -> stored -> trusted on this node -> answered, with the
 * key itself, which is never seen again. One whose answer was lost may be there: the list tells. */
#include "api/api_keys.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "api/failure.h"
#include "api/json_body.h"
#include "auth/api_keys.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/text.h"
#include "event/timestamp.h"
#include "http/reply.h"
#include "http/request.h"
#include "lifecycle/api_key_watch.h"
#include "store/api_keys.h"
#include "subscription/body.h"

struct change {
	struct bud_api_keys_api *api;
	struct bud_request *request;
	struct bud_api_key key; /* of a new one */
	char text[BUD_API_KEY_BYTES];
	bool is_removal;
};

static void handle_list(void *context, struct bud_request *request);
static void handle_create(void *context, struct bud_request *request);
static void handle_remove(void *context, struct bud_request *request);
static void on_stored(void *owner, int err, int64_t number);
static void on_trusted(void *owner, int err);

const struct bud_route bud_api_keys_routes[] = {
	{"GET", "/api-keys", handle_list, 0, BUD_NEED_NOTHING},
	{"POST", "/api-keys", handle_create, BUD_API_BODY_BYTES_MAX, BUD_NEED_NOTHING},
	{"DELETE", "/api-keys/{id}", handle_remove, 0, BUD_NEED_NOTHING},
};
const size_t bud_api_keys_routes_n = sizeof(bud_api_keys_routes) / sizeof(bud_api_keys_routes[0]);

/* The list */

static void on_list(void *owner, int err, const struct bud_span *texts, size_t n)
{
	struct bud_request *request = owner;
	bud_auto(buffer) struct bud_buffer body = {0};
	const char *comma = "";

	if (err < 0) {
		bud_failure_reply(request, err);
		return;
	}
	bud_buffer_text(&body, "{\"keys\":[");
	for (size_t i = 0; i < n; i++) {
		struct bud_api_key key;
		if (bud_api_key_parse(texts[i], &key) < 0)
			continue;
		bud_buffer_text(&body, comma);
		bud_api_key_write(&key, true, &body);
		bud_api_key_finish(&key);
		comma = ",";
	}
	bud_buffer_text(&body, "]}");
	bud_reply(request, 200, "application/json", bud_buffer_as_span(&body));
}

static void handle_list(void *context, struct bud_request *request)
{
	struct bud_api_keys_api *api = context;
	int r = bud_stored_api_keys_list(api->store, on_list, request);

	if (r < 0)
		bud_failure_reply(request, r);
}

/* A new one */

static int read_name(const json_t *body, struct bud_api_key *key, struct bud_error *error)
{
	const char *name = json_string_value(json_object_get(body, "name"));

	if (!name || !bud_identity_name_is_valid(bud_span(name)))
		return bud_error_set(error, "name",
			"name must say whose the key is: \"local\", or a text like \"/org/ttd\" or "
			"\"/app/shop\" of up to %d visible ASCII characters",
			BUD_IDENTITY_NAME_MAX);
	key->name = bud_strdup(name);
	return 0;
}

static int read_scopes(const json_t *body, struct bud_api_key *key, struct bud_error *error)
{
	const json_t *list = json_object_get(body, "scopes");
	size_t n = json_array_size(list);

	if (!json_is_array(list) || n == 0 || n > BUD_IDENTITY_SCOPES_MAX)
		return bud_error_set(error, "scopes", "scopes must be an array of 1 to %d texts",
			BUD_IDENTITY_SCOPES_MAX);
	key->scopes = bud_alloc_zero(n * sizeof(*key->scopes));
	for (size_t i = 0; i < n; i++) {
		const char *scope = json_string_value(json_array_get(list, i));
		size_t len = scope ? strlen(scope) : 0;
		for (size_t k = 0; k < len; k++)
			if (scope[k] <= ' ' || scope[k] > '~' || strchr("\"\\", scope[k]))
				len = 0;
		if (len == 0 || len > BUD_SCOPE_BYTES_MAX)
			return bud_error_set(error, "scopes",
				"a scope is 1 to %d visible ASCII characters without quotes",
				BUD_SCOPE_BYTES_MAX);
		key->scopes[key->scopes_n++] = bud_strdup(scope);
	}
	return 0;
}

static int read_expiry(const json_t *body, struct bud_api_key *key, struct bud_error *error)
{
	const json_t *value = json_object_get(body, "expires");
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!text || bud_time_parse(bud_span(text), &key->expires_ms) < 0 ||
		key->expires_ms <= key->created_ms)
		return bud_error_set(error, "expires",
			"expires must be a time to come, like 2027-01-01T00:00:00Z");
	return 0;
}

/* False: refused, and that was answered. */
static bool read_key(struct bud_request *request, struct bud_api_key *key)
{
	static const char *const members[] = {"name", "scopes", "expires", "note", NULL};
	const struct bud_body_text note = {"note", BUD_NAME_BYTES_MAX};
	json_auto_t *body = bud_json_body_take(request, members);
	struct bud_error error = {0};
	int r;

	if (!body)
		return false;
	key->created_ms = bud_clock_wall_ms();
	r = read_name(body, key, &error);
	if (r == 0)
		r = read_scopes(body, key, &error);
	if (r == 0)
		r = read_expiry(body, key, &error);
	if (r == 0)
		r = bud_body_text(json_object_get(body, "note"), &note, &key->note, &error);
	if (r < 0)
		bud_json_body_refuse(request, &error);
	return r == 0;
}

static struct change *begin(struct bud_api_keys_api *api, struct bud_request *request)
{
	struct change *change;

	if (!api->watch) {
		bud_failure_reply_unavailable(request, "the server is starting");
		return NULL;
	}
	change = bud_new(struct change);
	change->api = api;
	change->request = request;
	return change;
}

static void end(struct change *change)
{
	bud_api_key_finish(&change->key);
	explicit_bzero(change->text, sizeof(change->text));
	free(change);
}

static void handle_create(void *context, struct bud_request *request)
{
	struct change *change = begin(context, request);
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_stored_api_key stored;
	int r;

	if (!change)
		return;
	if (!read_key(request, &change->key)) {
		end(change);
		return;
	}
	bud_api_key_make(&change->key, change->text);
	bud_api_key_write(&change->key, false, &text);
	stored = (struct bud_stored_api_key){bud_span(change->key.id), bud_buffer_as_span(&text)};
	r = bud_stored_api_keys_put(
		change->api->store, &stored, BUD_API_KEYS_MAX, on_stored, change);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(change);
}

static void handle_remove(void *context, struct bud_request *request)
{
	struct change *change = begin(context, request);
	int r;

	if (!change)
		return;
	change->is_removal = true;
	r = bud_stored_api_keys_remove(
		change->api->store, request->parameters[0], on_stored, change);
	if (r == 0)
		return;
	bud_failure_reply(request, r);
	end(change);
}

static void refuse(struct change *change, int64_t number)
{
	struct bud_error error;

	if (number == 0) {
		bud_reply_problem(change->request, 404, "not-found", "No such API key", NULL);
	} else {
		(void)bud_error_set(
			&error, NULL, "there are %d API keys; revoke one first", BUD_API_KEYS_MAX);
		bud_reply_problem(change->request, 409, "too-many", "Too many API keys", &error);
	}
	end(change);
}

static void on_stored(void *owner, int err, int64_t number)
{
	struct change *change = owner;

	if (err == 0 && number != 1) {
		refuse(change, number);
		return;
	}
	if (err == 0)
		err = bud_api_key_watch_look(change->api->watch, on_trusted, change);
	if (err == 0)
		return;
	bud_failure_reply(change->request, err);
	end(change);
}

static void answer(struct change *change)
{
	struct bud_buffer body = {0};

	(void)bud_buffer_reserve(&body, BUD_API_BODY_BYTES_MAX); /* it never moves */
	bud_api_key_write(&change->key, true, &body);
	body.len--; /* before the closing brace */
	bud_buffer_format(&body, ",\"key\":\"%s\"}", change->text);
	bud_reply_header(change->request, "Cache-Control", "no-store");
	bud_reply(change->request, 201, "application/json", bud_buffer_as_span(&body));
	bud_buffer_finish_secret(&body);
}

/* It is stored: that this node could not look again costs a fifth of a second. */
static void on_trusted(void *owner, int err)
{
	struct change *change = owner;

	(void)err;
	if (change->is_removal)
		bud_reply(change->request, 204, NULL, (struct bud_span){NULL, 0});
	else
		answer(change);
	end(change);
}
