/* Grants over HTTP. A creation: read -> put -> answered. A deletion: looked up -> put -> answered.
 * When the answer to a put is lost the caller sends the same again: an identical grant is found.
 * The list is read from memory, once that has reached the version that Redis had. */
#include "api/grants.h"

#include <errno.h>
#include <stdlib.h>

#include "api/failure.h"
#include "api/grants_body.h"
#include "api/json_body.h"
#include "api/page.h"
#include "api/subscriptions.h"
#include "api/subscriptions_wait.h"
#include "auth/authorize.h"
#include "auth/grant.h"
#include "auth/identity.h"
#include "auth/need.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/limits.h"
#include "core/log.h"
#include "core/random.h"
#include "http/reply.h"
#include "http/request.h"
#include "store/grants.h"
#include "store/registry.h"
#include "store/store.h"

#define ETAG_BYTES   8
#define WAIT_MS      2000
#define SIZE_DEFAULT 100

struct call {
	struct bud_subscriptions_wait wait; /* a list */
	struct bud_subscriptions_api *api;
	struct bud_request *request;
	struct bud_grant *grant; /* NULL: not known yet, or a list */
	char etag[2 * ETAG_BYTES + 1];
	bool is_deletion;
	struct bud_page page;
	struct bud_member version;
	int64_t deadline_ms;
};

static void handle_create(void *context, struct bud_request *request);
static void handle_list(void *context, struct bud_request *request);
static void handle_one(void *context, struct bud_request *request);
static void on_put(void *owner, int err, const struct bud_put_result *result);
static void on_value(void *owner, int err, const struct bud_registry_value *value);
static void on_end_put(void *owner, int err, const struct bud_put_result *result);

const struct bud_route bud_grants_routes[] = {
	{"POST", "/grants", handle_create, BUD_API_BODY_BYTES_MAX, BUD_NEED_IDENTITY},
	{"GET", "/grants", handle_list, 0, BUD_NEED_IDENTITY},
	{"GET", "/grants/{id}", handle_one, 0, BUD_NEED_IDENTITY},
	{"DELETE", "/grants/{id}", handle_one, 0, BUD_NEED_IDENTITY},
};
const size_t bud_grants_routes_n = sizeof(bud_grants_routes) / sizeof(bud_grants_routes[0]);

static const struct bud_page_rule rule = {"after", SIZE_DEFAULT, BUD_PAGE_MAX, false, false, false};

static struct call *begin(struct bud_subscriptions_api *api, struct bud_request *request)
{
	struct call *call = bud_new(struct call);

	bud_list_init(&call->wait.link);
	call->api = api;
	call->request = request;
	bud_random_hex(call->etag, ETAG_BYTES);
	return call;
}

/* The request was answered. */
static void end(struct call *call)
{
	bud_list_remove(&call->wait.link);
	bud_grant_destroy(call->grant);
	free(call);
}

static void fail(struct call *call, int err)
{
	if (err == -ENOENT)
		bud_reply_problem(call->request, 404, "not-found", "No such grant", NULL);
	else if (err == -ENOTCONN)
		bud_failure_reply_unavailable(call->request,
			"The connection to Redis was lost: send the same again; nothing is made "
			"twice");
	else
		bud_failure_reply(call->request, err);
	end(call);
}

static void answer(struct call *call, int status, const struct bud_grant *grant)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	bud_auto(buffer) struct bud_buffer location = {0};

	bud_buffer_format(&location, "/grants/%s", grant->id);
	if (bud_span_is(call->request->method, "POST"))
		bud_reply_header(call->request, "Location", location.at);
	bud_grant_write(grant, &body);
	bud_reply(call->request, status, "application/json", bud_buffer_as_span(&body));
	end(call);
}

static const char *caller_of(const struct call *call)
{
	return bud_request_identity(call->request)->name;
}

/* One that somebody made */

/* By the policy somebody else owns it. A resource that nobody owns may be granted: then the grant
 * is for what its giver publishes. */
static bool is_owned_by_another(const struct call *call)
{
	char owner[BUD_OWNER_BYTES];

	return call->grant->resource &&
	       bud_authority_owner_of(
		       call->api->authority, bud_span(call->grant->resource), owner) &&
	       strcmp(owner, call->grant->owner) != 0;
}

static bool may_grant(const struct call *call)
{
	struct bud_error error = {0};

	if (is_owned_by_another(call)) {
		(void)bud_error_set(&error, "resource",
			"only the owner of a resource grants it, and the policy names another");
		bud_reply_problem(call->request, 403, "forbidden", "Not authorized", &error);
		return false;
	}
	if (bud_authority_count_grants(call->api->authority, bud_span(call->grant->owner),
		    BUD_GRANTS_OWNER_MAX) >= BUD_GRANTS_OWNER_MAX) {
		(void)bud_error_set(&error, NULL,
			"you have %u grants, the most there may be: take some back",
			BUD_GRANTS_OWNER_MAX);
		bud_reply_problem(call->request, 409, "too-many", "Too many grants", &error);
		return false;
	}
	return true;
}

static void handle_create(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	const struct bud_hash_key *key = &api->store->shard->key;
	struct bud_grants_giving giving = {.now_ms = bud_clock_wall_ms(),
		.person_key = {(const char *)key->secret, sizeof(key->secret)}};
	struct bud_error error = {0};
	struct call *call;
	int r;

	if (!bud_json_body_check_type(request))
		return;
	call = begin(api, request);
	giving.owner = caller_of(call);
	r = bud_grants_body_parse(request->body, &giving, &call->grant, &error);
	if (r < 0) {
		bud_reply_problem(request, 400, "bad-grant", "Not a valid grant", &error);
		end(call);
		return;
	}
	if (!may_grant(call)) {
		end(call);
		return;
	}
	r = bud_grant_put(api->store, call->grant, call->etag, on_put, call);
	if (r < 0)
		fail(call, r);
}

static void answer_twin(struct call *call, const struct bud_registry_value *value)
{
	bud_auto(grant) struct bud_grant *twin = NULL;
	int r = bud_grant_read(value, &twin);

	if (r < 0)
		fail(call, -EPROTO);
	else
		answer(call, 200, twin);
}

static void on_put(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	if (err < 0) {
		fail(call, err);
		return;
	}
	if (result->outcome == BUD_PUT_SAME) {
		answer_twin(call, &result->value);
		return;
	}
	if (result->outcome != BUD_PUT_OK) {
		fail(call, -EPROTO);
		return;
	}
	bud_log_info("a grant was made", "grant", call->grant->id, "owner", call->grant->owner,
		"to", call->grant->to);
	answer(call, 201, call->grant);
}

/* One of those there are */

static void handle_one(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	struct bud_span id = request->parameters[0];
	struct call *call = begin(api, request);
	char text[BUD_GRANT_ID_BYTES];
	int r = -ENOENT;

	call->is_deletion = bud_span_is(request->method, "DELETE");
	if (id.len == sizeof(text) - 1) {
		memcpy(text, id.at, id.len);
		text[id.len] = '\0';
		r = bud_grant_get(api->store, text, on_value, call);
	}
	if (r < 0)
		fail(call, r);
}

static void on_value(void *owner, int err, const struct bud_registry_value *value)
{
	struct call *call = owner;
	const char *caller = caller_of(call);
	int r = err;

	if (r == 0)
		r = value ? bud_grant_read(value, &call->grant) : -ENOENT;
	/* Who got it may see it, who gave it may take it back. */
	if (r == 0 && strcmp(call->grant->owner, caller) != 0 &&
		(call->is_deletion || strcmp(call->grant->to, caller) != 0))
		r = -ENOENT;
	if (r == 0 && call->is_deletion)
		r = bud_grant_put_end(
			call->api->store, call->grant->id, call->etag, on_end_put, call);
	else if (r == 0) {
		answer(call, 200, call->grant);
		return;
	}
	if (r < 0)
		fail(call, r == -EINVAL ? -EPROTO : r);
}

static void on_end_put(void *owner, int err, const struct bud_put_result *result)
{
	struct call *call = owner;

	if (err < 0) {
		fail(call, err);
		return;
	}
	if (result->outcome != BUD_PUT_OK) {
		fail(call, -ENOENT);
		return;
	}
	bud_log_info(
		"a grant was taken back", "grant", call->grant->id, "owner", call->grant->owner);
	answer(call, 200, call->grant);
}

/* All of them */

static void answer_list(struct call *call)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	uint64_t next;

	bud_buffer_byte(&body, '[');
	next = bud_authority_list_grants(call->api->authority, bud_span(caller_of(call)),
		call->page.start, call->page.size, &body);
	bud_buffer_byte(&body, ']');
	if (next > 0)
		bud_page_reply_next(call->request, &rule, &call->page, next);
	bud_reply(call->request, 200, "application/json", bud_buffer_as_span(&body));
	end(call);
}

static void look_again(struct bud_subscriptions_wait *wait, int64_t mono_ms)
{
	struct call *call = bud_container(wait, struct call, wait);

	if (mono_ms < call->deadline_ms &&
		!bud_subscriptions_has_reached(call->api, &call->version))
		return;
	answer_list(call);
}

static void on_version(void *owner, int err, struct bud_member version)
{
	struct call *call = owner;

	if (err < 0) {
		bud_failure_reply(call->request, err);
		end(call);
		return;
	}
	call->version = version;
	call->deadline_ms = bud_clock_mono_ms() + WAIT_MS;
	if (call->api->is_stopped || bud_subscriptions_has_reached(call->api, &version))
		answer_list(call);
	else
		bud_subscriptions_wait(call->api, &call->wait);
}

static void handle_list(void *context, struct bud_request *request)
{
	struct bud_subscriptions_api *api = context;
	struct bud_error error = {0};
	struct call *call = begin(api, request);
	int r;

	call->wait.again = look_again;
	if (bud_page_parse(request, &rule, &call->page, &error) < 0) {
		bud_reply_problem(request, 400, "bad-query", "Bad query", &error);
		end(call);
		return;
	}
	r = bud_registry_version(api->store, on_version, call);
	if (r < 0)
		fail(call, r);
}
