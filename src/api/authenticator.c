/* The authenticator. A request: open route -> nobody. Else its bearer token, and its
 * PlatformAccessToken: cached -> as before; else checked against the trust. A key that is not there
 * is asked for once, by whoever fetches keys, and the request waits for that, three seconds at
 * most; then it is 401 when the issuer has no such key, and 503 when it could not be asked. Then
 * the need of the route. Where a body is to come all that is done from the head, but for the wait.
 * Neither tokens nor what stands in them is logged or answered. */
#include "api/authenticator.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/api_keys.h"
#include "auth/identity.h"
#include "auth/scope_rules.h"
#include "auth/token.h"
#include "auth/token_cache.h"
#include "auth/trust.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/metrics.h"
#include "http/reply.h"
#include "http/request.h"

#define WAIT_MS     3000
#define WAITING_MAX 256u /* above, the answer is 503 at once */
#define REALM       "Bearer realm=\"budstikke\""

/* A request that waits; its `link` files it. */
struct waiting {
	struct bud_list link;
	struct bud_request *request;
	int issuer;
	uint64_t ticket;
	int64_t deadline_ms;
};

/* What is being found out of one request. */
struct finding {
	struct bud_authenticator *authenticator;
	struct bud_request *request;
	bool may_wait;
	bool is_head;  /* its body is to come: what would wait is left for later */
	bool is_fresh; /* keys were just asked for: a key that is not there is nowhere */
};

enum step {
	STEP_GOOD,
	STEP_OVER,  /* answered, or it waits */
	STEP_LATER, /* cannot be told from the head at once */
};

static enum bud_head_look look(void *owner, struct bud_request *request);
static void ask(void *owner, struct bud_request *request);
static void leave(void *owner, struct bud_request *request);

void bud_authenticator_init(
	struct bud_authenticator *authenticator, const struct bud_authenticator_options *options)
{
	*authenticator = (struct bud_authenticator){.options = *options};
	authenticator->cache = bud_token_cache_create();
	authenticator->set = bud_trust_take(options->trust);
	bud_list_init(&authenticator->waiting);
}

void bud_authenticator_finish(struct bud_authenticator *authenticator)
{
	if (!authenticator->cache)
		return;
	assert(bud_list_is_empty(&authenticator->waiting));
	bud_token_cache_destroy(bud_move(authenticator->cache));
	bud_trust_set_unref(bud_move(authenticator->set));
}

struct bud_authentication bud_authenticator_hooks(struct bud_authenticator *authenticator)
{
	return (struct bud_authentication){ask, leave, authenticator, &bud_identity_nobody, look};
}

/* Answers */

static void refuse(struct bud_request *request, int status, const char *slug, const char *title,
	const struct bud_error *error)
{
	bud_reply_problem(request, status, slug, title, error);
}

static void count(const struct finding *finding, enum bud_counter counter)
{
	bud_metrics_add(finding->authenticator->options.metrics, counter, 1);
}

static enum step refuse_unknown(const struct finding *finding)
{
	static const char detail[] = "send an API key or a token: \"Authorization: Bearer ...\"";
	struct bud_error error;

	(void)bud_error_set(&error, NULL, "%s", detail);
	count(finding, BUD_COUNTER_REQUESTS_UNAUTHENTICATED);
	bud_reply_header(finding->request, "WWW-Authenticate", REALM);
	refuse(finding->request, 401, "unauthenticated", "Who asks is not known", &error);
	return STEP_OVER;
}

static enum step refuse_token(const struct finding *finding, const struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer challenge = {0};

	bud_buffer_format(&challenge, REALM ", error=\"invalid_token\", error_description=\"%s\"",
		error->text);
	count(finding, BUD_COUNTER_REQUESTS_UNAUTHENTICATED);
	bud_reply_header(finding->request, "WWW-Authenticate", challenge.at);
	refuse(finding->request, 401, "invalid-token", "The token is not accepted", error);
	return STEP_OVER;
}

static enum step refuse_request(const struct finding *finding)
{
	struct bud_error error;

	(void)bud_error_set(&error, "Authorization", "there is more than one of this header");
	count(finding, BUD_COUNTER_REQUESTS_UNAUTHENTICATED);
	bud_reply_header(finding->request, "WWW-Authenticate", REALM ", error=\"invalid_request\"");
	refuse(finding->request, 400, "invalid-request", "Not a valid request", &error);
	return STEP_OVER;
}

/* Nothing is wrong with the token, as far as can be told. */
static enum step refuse_for_now(const struct finding *finding)
{
	struct bud_error error;

	(void)bud_error_set(
		&error, NULL, "the keys by which this is checked cannot be had at the moment");
	bud_reply_header(finding->request, "Retry-After", "2");
	refuse(finding->request, 503, "unavailable", "Not available", &error);
	return STEP_OVER;
}

static enum step refuse_scope(const struct finding *finding, enum bud_need need)
{
	const struct bud_scope_rules *rules = finding->authenticator->options.rules;
	const char *scope = bud_scope_rules_example(rules, need);
	bud_auto(buffer) struct bud_buffer challenge = {0};
	struct bud_error error;

	bud_buffer_format(&challenge, REALM ", error=\"insufficient_scope\", scope=\"%s\"", scope);
	(void)bud_error_set(&error, "scope", "this needs the scope %s", scope);
	count(finding, BUD_COUNTER_REQUESTS_FORBIDDEN);
	bud_reply_header(finding->request, "WWW-Authenticate", challenge.at);
	refuse(finding->request, 403, "insufficient-scope", "A scope is missing", &error);
	return STEP_OVER;
}

static enum step refuse_kind(const struct finding *finding, enum bud_need need)
{
	struct bud_error error;

	(void)bud_error_set(&error, need == BUD_NEED_PLATFORM ? "PlatformAccessToken" : "",
		need == BUD_NEED_PLATFORM ? "this needs a PlatformAccessToken, too"
		: need == BUD_NEED_DIALOG ? "this needs a dialog token"
					  : "a dialog token does not open this");
	count(finding, BUD_COUNTER_REQUESTS_FORBIDDEN);
	refuse(finding->request, 403, "forbidden", "Not allowed", &error);
	return STEP_OVER;
}

/* Waiting */

static enum step wait_for_keys(const struct finding *finding, int issuer)
{
	struct bud_authenticator *authenticator = finding->authenticator;
	struct waiting *waiting;

	if (finding->is_head)
		return STEP_LATER;
	if (!finding->may_wait || issuer < 0 || authenticator->is_stopped ||
		authenticator->waiting_n >= WAITING_MAX)
		return refuse_for_now(finding);
	waiting = bud_new(struct waiting);
	waiting->request = finding->request;
	waiting->issuer = issuer;
	waiting->ticket = bud_trust_want(authenticator->options.trust, (size_t)issuer);
	waiting->deadline_ms = bud_clock_mono_ms() + WAIT_MS;
	bud_list_init(&waiting->link);
	bud_list_append(&authenticator->waiting, &waiting->link);
	authenticator->waiting_n++;
	return STEP_OVER;
}

/* Tokens */

/* The newest set; what was cached by an older one is compared by its numbers. Other issuers may say
 * otherwise what the same token means, so nothing is known then. */
static const struct bud_trust_set *current(struct bud_authenticator *authenticator)
{
	struct bud_trust *trust = authenticator->options.trust;
	const struct bud_trust_set *before = authenticator->set;

	if (bud_trust_generation(trust) != before->generation) {
		authenticator->set = bud_trust_take(trust);
		if (authenticator->set->issuers != before->issuers) {
			bud_token_cache_destroy(authenticator->cache);
			authenticator->cache = bud_token_cache_create();
		}
		bud_trust_set_unref(before);
	}
	return authenticator->set;
}

static enum step check(const struct finding *finding, struct bud_span token,
	enum bud_issuer_use use, struct bud_identity **out_identity)
{
	struct bud_authenticator *authenticator = finding->authenticator;
	const struct bud_authenticator_options *options = &authenticator->options;
	struct bud_token_question question = {
		.token = token,
		.use = use,
		.takes_keys = options->takes_keys && use == BUD_ISSUER_BEARER,
		.rules = options->rules,
		.person_key = options->person_key,
		.now_ms = bud_clock_wall_ms(),
	};
	struct bud_token_answer answer;
	struct bud_token_cached cached;
	struct bud_error error = {0};

	count(finding, BUD_COUNTER_TOKENS_CHECKED);
	switch (bud_token_check(authenticator->set, &question, &answer, &error)) {
	case BUD_TOKEN_GOOD:
		break;
	case BUD_TOKEN_BAD:
		return refuse_token(finding, &error);
	case BUD_TOKEN_KEY_UNKNOWN:
		return finding->is_fresh ? refuse_token(finding, &error)
					 : wait_for_keys(finding, answer.issuer);
	case BUD_TOKEN_NO_KEYS:
		return wait_for_keys(finding, answer.issuer);
	}
	cached = (struct bud_token_cached){answer.identity, answer.issuer, answer.serial};
	bud_token_cache_put(authenticator->cache, token, use, &cached);
	*out_identity = answer.identity;
	return STEP_GOOD;
}

/* A reference for the request. */
static enum step identify(const struct finding *finding, struct bud_span token,
	enum bud_issuer_use use, const struct bud_identity **out_identity)
{
	struct bud_authenticator *authenticator = finding->authenticator;
	const struct bud_trust_set *set = current(authenticator);
	struct bud_identity *identity = NULL;
	struct bud_token_cached cached;
	enum step step;

	if (bud_token_cache_get(authenticator->cache, token, use, bud_clock_wall_ms(), &cached) &&
		bud_token_serial(set, cached.issuer) == cached.serial) {
		*out_identity = bud_identity_ref(cached.identity);
		return STEP_GOOD;
	}
	step = check(finding, token, use, &identity);
	if (step == STEP_GOOD)
		*out_identity = identity;
	return step;
}

/* Headers */

/* 1: there; 0: not there, or of another scheme; -1: more than one. */
static int find_bearer(const struct bud_request *request, struct bud_span *out_token)
{
	static const char scheme[] = "bearer ";
	int n = 0;
	bool is_bearer = false;

	for (size_t i = 0; i < request->n_headers; i++) {
		struct bud_span value = request->headers[i].value;
		if (!bud_span_is_nocase(request->headers[i].name, "authorization"))
			continue;
		if (n++ > 0)
			return -1;
		is_bearer = bud_span_starts_nocase(value, scheme);
		if (is_bearer)
			*out_token = bud_span_trim((struct bud_span){
				value.at + strlen(scheme), value.len - strlen(scheme)});
	}
	return is_bearer ? 1 : 0;
}

static enum step take_bearer(const struct finding *finding)
{
	struct bud_span token = {NULL, 0};
	int r = find_bearer(finding->request, &token);

	if (r < 0)
		return refuse_request(finding);
	if (r == 0)
		return STEP_GOOD;
	return identify(finding, token, BUD_ISSUER_BEARER, &finding->request->identity);
}

/* It is looked at by those who want both, and by those who take what an app publishes. */
static enum step take_platform(const struct finding *finding)
{
	struct bud_request *request = finding->request;
	struct bud_span token = bud_request_header(request, "PlatformAccessToken");

	if (token.len == 0 || !finding->authenticator->options.takes_tokens)
		return STEP_GOOD;
	return identify(finding, token, BUD_ISSUER_PLATFORM, &request->platform);
}

/* The route's need */

/* What an app publishes is its own, also when a user's token comes along that could not. An app is
 * not its organization in anything else. */
static void become_platform(struct bud_request *request)
{
	if (request->identity != &bud_identity_nobody)
		bud_identity_unref((struct bud_identity *)request->identity);
	request->identity = bud_identity_ref((struct bud_identity *)request->platform);
}

static enum step check_need(const struct finding *finding)
{
	struct bud_request *request = finding->request;
	enum bud_need need = (enum bud_need)request->route->need;

	if (need == BUD_NEED_PUBLISH && request->platform &&
		!bud_identity_may(request->identity, need)) {
		become_platform(request);
		return STEP_GOOD;
	}
	if (request->identity == &bud_identity_nobody)
		return refuse_unknown(finding);
	if (need == BUD_NEED_PLATFORM && request->platform &&
		bud_identity_may(request->identity, BUD_NEED_IDENTITY))
		return STEP_GOOD;
	if (bud_identity_may(request->identity, need))
		return STEP_GOOD;
	if (need == BUD_NEED_PUBLISH || need == BUD_NEED_SUBSCRIBE || need == BUD_NEED_READ)
		return refuse_scope(finding, need);
	return refuse_kind(finding, need);
}

static enum step find_out(const struct finding *finding)
{
	enum step step = take_bearer(finding);

	if (step == STEP_GOOD)
		step = take_platform(finding);
	if (step == STEP_GOOD)
		step = check_need(finding);
	return step;
}

static void go_on(const struct finding *finding)
{
	if (find_out(finding) == STEP_GOOD)
		bud_request_admit(finding->request);
}

static void ask(void *owner, struct bud_request *request)
{
	struct finding finding = {.authenticator = owner, .request = request, .may_wait = true};

	if (request->route->need == BUD_NEED_NOTHING)
		bud_request_admit(request);
	else
		go_on(&finding);
}

static void drop_identities(struct bud_request *request)
{
	if (request->identity != &bud_identity_nobody)
		bud_identity_unref((struct bud_identity *)request->identity);
	bud_identity_unref((struct bud_identity *)request->platform);
	request->identity = &bud_identity_nobody;
	request->platform = NULL;
}

static enum bud_head_look look(void *owner, struct bud_request *request)
{
	struct finding finding = {.authenticator = owner, .request = request, .is_head = true};

	if (request->route->need == BUD_NEED_NOTHING)
		return BUD_HEAD_UNDECIDED;
	switch (find_out(&finding)) {
	case STEP_GOOD:
		return BUD_HEAD_KNOWN;
	case STEP_OVER:
		return BUD_HEAD_ANSWERED;
	case STEP_LATER:
		break;
	}
	drop_identities(request);
	return BUD_HEAD_UNDECIDED;
}

static void leave(void *owner, struct bud_request *request)
{
	(void)owner;
	drop_identities(request);
}

/* Once more from the start, with the keys there are now; a second wait would be for ever. */
static void resume(struct bud_authenticator *authenticator, struct waiting *waiting, bool is_fresh)
{
	struct finding finding = {
		.authenticator = authenticator,
		.request = waiting->request,
		.is_fresh = is_fresh,
	};

	bud_list_remove(&waiting->link);
	authenticator->waiting_n--;
	free(waiting);
	drop_identities(finding.request);
	go_on(&finding);
}

void bud_authenticator_tick(struct bud_authenticator *authenticator, int64_t mono_ms)
{
	struct waiting *waiting;
	struct waiting *after;

	bud_list_each_safe (waiting, after, &authenticator->waiting, link) {
		bool is_fresh = false;
		if (bud_trust_is_answered(authenticator->options.trust, (size_t)waiting->issuer,
			    waiting->ticket, &is_fresh) ||
			mono_ms >= waiting->deadline_ms)
			resume(authenticator, waiting, is_fresh);
	}
}

void bud_authenticator_stop(struct bud_authenticator *authenticator)
{
	if (!authenticator->cache)
		return;
	authenticator->is_stopped = true;
	bud_authenticator_tick(authenticator, INT64_MAX);
}
