/* The instance guard. A request to read events: its bearer token looks like one of ours -> verified
 * -> within its rate -> the handler, which asks whose token it is. Anything else: the
 * authentication behind it. Neither tokens nor what stands in them is logged. */
#include "api/instance_guard.h"

#include <errno.h>
#include <stdlib.h>

#include "access/quota_refusal.h"
#include "api/failure.h"
#include "api/pull.h"
#include "auth/identity.h"
#include "auth/instance_token.h"
#include "auth/quota.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/list.h"
#include "core/metrics.h"
#include "crypto/keyring.h"
#include "http/reply.h"
#include "http/request.h"

/* Owns nothing, and may do nothing but what its token says. */
struct caller {
	struct bud_identity identity;
	struct bud_instance_token token;
};

static const struct caller *caller_of(const struct bud_request *request)
{
	if (request->identity->kind != BUD_AUTHENTICATED_INSTANCE)
		return NULL;
	return bud_container(request->identity, const struct caller, identity);
}

const struct bud_instance_token *bud_request_instance_token(const struct bud_request *request)
{
	const struct caller *caller = caller_of(request);

	return caller ? &caller->token : NULL;
}

/* False: there is none of ours; two of the header are for who asks about logins. */
static bool find_token(const struct bud_request *request, struct bud_span *out_token)
{
	static const char scheme[] = "bearer ";
	size_t n = 0;

	for (size_t i = 0; i < request->n_headers; i++) {
		struct bud_span value = request->headers[i].value;
		if (!bud_span_is_nocase(request->headers[i].name, "authorization"))
			continue;
		if (++n > 1 || !bud_span_starts_nocase(value, scheme))
			return false;
		*out_token = bud_span_trim(
			(struct bud_span){value.at + strlen(scheme), value.len - strlen(scheme)});
	}
	return n == 1 && bud_instance_token_is(*out_token);
}

static void refuse(struct bud_instance_guard *guard, struct bud_request *request,
	const struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer challenge = {0};

	bud_metrics_add(guard->metrics, BUD_COUNTER_INSTANCE_REFUSED, 1);
	bud_buffer_format(&challenge,
		"Bearer realm=\"budstikke\", error=\"invalid_token\", error_description=\"%s\"",
		error->text);
	bud_reply_header(request, "WWW-Authenticate", challenge.at);
	bud_reply_problem(request, 401, "invalid-token", "The token is not accepted", error);
}

/* False: it is answered. */
static bool is_within_rate(
	struct bud_instance_guard *guard, struct bud_request *request, const char *id)
{
	int64_t wait_ms = bud_quota_read_instance(guard->quota, bud_span(id), bud_clock_mono_ms());
	struct bud_quota_refusal refusal = {.quota = "instance_reads_per_s",
		.used = -1,
		.wait_ms = wait_ms,
		.detail = "more reads a second than one token may; wait_ms waits for events "
			  "within one read"};
	struct bud_quotas quotas;

	if (wait_ms == 0)
		return true;
	bud_quota_of(guard->quota, bud_span(""), &quotas);
	refusal.limit = quotas.instance_reads_per_s;
	bud_metrics_add(guard->metrics, BUD_COUNTER_INSTANCE_REFUSED, 1);
	bud_quota_refuse(request, &refusal);
	return false;
}

static void let_in(struct bud_instance_guard *guard, struct bud_request *request,
	struct bud_instance_token *taken)
{
	struct caller *caller;

	if (!is_within_rate(guard, request, taken->id)) {
		bud_instance_token_finish(taken);
		return;
	}
	caller = bud_new(struct caller);
	caller->identity = bud_identity_nobody;
	caller->identity.kind = BUD_AUTHENTICATED_INSTANCE;
	caller->token = *taken;
	request->identity = &caller->identity;
	bud_metrics_add(guard->metrics, BUD_COUNTER_INSTANCE_READS, 1);
	bud_request_admit(request);
}

static void check(
	struct bud_instance_guard *guard, struct bud_request *request, struct bud_span text)
{
	const struct bud_key_set *set = bud_keyring_take(guard->keyring);
	struct bud_instance_token token;
	struct bud_error error = {0};
	bool has_keys = set->keys_n > 0;
	int r = bud_instance_token_read(set, text, bud_clock_wall_ms(), &token, &error);

	bud_key_set_unref(set);
	if (r == 0)
		let_in(guard, request, &token);
	else if (has_keys)
		refuse(guard, request, &error);
	else
		bud_failure_reply(request, -ENOKEY);
}

static void ask(void *owner, struct bud_request *request)
{
	struct bud_instance_guard *guard = owner;
	struct bud_span token;

	if (bud_pull_takes_instance_tokens(request->route) && find_token(request, &token))
		check(guard, request, token);
	else if (guard->inner.ask)
		guard->inner.ask(guard->inner.owner, request);
	else
		bud_request_admit(request);
}

/* A token of ours comes with next to no body, and is read behind it. */
static enum bud_head_look look(void *owner, struct bud_request *request)
{
	struct bud_instance_guard *guard = owner;
	struct bud_span token;

	if (!guard->inner.look ||
		(bud_pull_takes_instance_tokens(request->route) && find_token(request, &token)))
		return BUD_HEAD_UNDECIDED;
	return guard->inner.look(guard->inner.owner, request);
}

static void leave(void *owner, struct bud_request *request)
{
	struct bud_instance_guard *guard = owner;
	struct caller *caller = (struct caller *)(uintptr_t)caller_of(request);

	if (!caller) {
		if (guard->inner.leave)
			guard->inner.leave(guard->inner.owner, request);
		return;
	}
	request->identity = guard->inner.everybody;
	bud_instance_token_finish(&caller->token);
	free(caller);
}

struct bud_authentication bud_instance_guard_hooks(struct bud_instance_guard *guard)
{
	return (struct bud_authentication){ask, leave, guard, guard->inner.everybody, look};
}
