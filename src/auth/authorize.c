/* The authority. Questions share a lock of policy and grants, whose writers are rare and quick; a
 * policy that is replaced is freed outside of it. */
#include "auth/authorize.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/decision_cache.h"
#include "auth/grants.h"
#include "auth/identity.h"
#include "auth/policy.h"
#include "event/event.h"

#define DECISIONS_ROOM 65536

struct bud_authority {
	bool is_open;
	bool has_point;
	pthread_rwlock_t lock; /* of the three below */
	struct bud_policy *policy;
	struct bud_grants grants;
	struct bud_grants next; /* what a load puts */
	bool is_loading;
	struct bud_decision_cache *decisions;
};

struct bud_authority *bud_authority_create(const struct bud_authority_options *options)
{
	struct bud_authority *authority = bud_new(struct bud_authority);

	authority->is_open = options->is_open;
	authority->has_point = options->has_point;
	pthread_rwlock_init(&authority->lock, NULL);
	if (options->has_point)
		authority->decisions = bud_decision_cache_create(
			options->decisions_room ? options->decisions_room : DECISIONS_ROOM);
	return authority;
}

void bud_authority_destroy(struct bud_authority *authority)
{
	if (!authority)
		return;
	bud_policy_destroy(authority->policy);
	bud_grants_finish(&authority->grants);
	bud_grants_finish(&authority->next);
	bud_decision_cache_destroy(authority->decisions);
	pthread_rwlock_destroy(&authority->lock);
	free(authority);
}

void bud_authority_set_policy(struct bud_authority *authority, struct bud_policy *policy)
{
	struct bud_policy *before;

	pthread_rwlock_wrlock(&authority->lock);
	before = authority->policy;
	authority->policy = policy;
	pthread_rwlock_unlock(&authority->lock);
	bud_policy_destroy(before);
}

bool bud_authority_is_open(const struct bud_authority *authority)
{
	return authority->is_open;
}

/* The question */

__attribute__((format(printf, 3, 4))) static enum bud_decision decide(
	struct bud_ruling *out, enum bud_decision decision, const char *format, ...)
{
	va_list arguments;

	if (!out)
		return decision;
	out->decision = decision;
	out->scope[0] = '\0';
	va_start(arguments, format);
	vsnprintf(out->rule, sizeof(out->rule), format, arguments);
	va_end(arguments);
	return decision;
}

/* Whether events of this resource may come from the giver. The decision point may say so later. */
static bool may_publish(
	const struct bud_authority *authority, struct bud_span giver, struct bud_span resource)
{
	struct bud_question question = {
		.action = BUD_ACTION_PUBLISH, .who = giver, .resource = resource};
	struct bud_policy_answer answer;

	if (authority->has_point || !resource.at)
		return true;
	bud_policy_ask(authority->policy, &question, &answer);
	return answer.permitted && !answer.denied;
}

/* Its giver must own the resource, or have published the event. */
static bool is_in_force(const struct bud_authority *authority, const struct bud_grant *grant,
	const struct bud_question *question)
{
	struct bud_span resource = grant->resource ? bud_span(grant->resource) : question->resource;
	const struct bud_policy_owner *owner;

	if (question->publisher.at && bud_span_is(question->publisher, grant->owner))
		return true;
	if (!grant->resource && question->publisher.at)
		return false;
	owner = bud_policy_owner_of(authority->policy, resource);
	if (!owner)
		return !question->publisher.at;
	return strcmp(owner->owner, grant->owner) == 0 ||
	       (!grant->resource && may_publish(authority, bud_span(grant->owner), resource));
}

static bool is_good(const struct bud_authority *authority, const struct bud_grant *grant,
	const struct bud_question *question)
{
	return bud_grant_covers(grant, question) && is_in_force(authority, grant, question);
}

static const struct bud_grant *find_grant_by(const struct bud_authority *authority,
	const struct bud_question *question, struct bud_span giver)
{
	const struct bud_grant *grant;
	size_t position = 0;

	while ((grant = bud_grants_next_between(
			&authority->grants, giver, question->who, &position)))
		if (is_good(authority, grant, question))
			return grant;
	return NULL;
}

/* Of an event there are two whose grants count: who published it, and who owns its resource. */
static const struct bud_grant *find_grant(const struct bud_authority *authority,
	const struct bud_question *question, const struct bud_policy_owner *owner)
{
	const struct bud_grant *grant;
	size_t position = 0;

	if (question->publisher.at) {
		grant = find_grant_by(authority, question, question->publisher);
		return grant || !owner ? grant
				       : find_grant_by(authority, question, bud_span(owner->owner));
	}
	while ((grant = bud_grants_next_to(&authority->grants, question->who, &position)))
		if (is_good(authority, grant, question))
			return grant;
	return NULL;
}

static bool has_name(const struct bud_policy_owner *owner, struct bud_span who)
{
	return owner && bud_span_is(who, owner->owner);
}

/* What nothing speaks about. Events that nobody else has a say in may be published, and where there
 * is no event yet one's own may come. */
static enum bud_decision ask_rest(const struct bud_authority *authority,
	const struct bud_question *question, const struct bud_policy_owner *owner,
	struct bud_ruling *out)
{
	bool is_free = question->resource.len == 0 ||
		       (!owner && !authority->policy && !authority->has_point);
	enum bud_decision decision;

	if (is_free && (question->action == BUD_ACTION_PUBLISH || !question->publisher.at))
		return decide(out, BUD_DECISION_PERMIT, "nothing speaks about this resource");
	if (authority->has_point && question->resource.len > 0) {
		decision = bud_decision_cache_get(authority->decisions,
			bud_decision_key(authority->decisions, question), question->now_ms);
		return decide(out, decision,
			decision == BUD_DECISION_LATER ? "the decision point has not answered"
						       : "the decision point");
	}
	return decide(out, BUD_DECISION_DENY, "no rule and no grant permits it");
}

/* A delivery asks for no scopes. So before there is any event, who lacks one for something that a
 * subscription may bring gets none, unless that something is permitted in another way. */
static bool lacks_scope(const struct bud_question *question, const struct bud_policy_answer *answer,
	const struct bud_grant *grant)
{
	if (!answer->lacking || question->action != BUD_ACTION_SUBSCRIBE || question->publisher.at)
		return false;
	if (answer->is_sure)
		return false;
	return !grant || !question->resource.at || (!question->type.at && grant->types.n > 0);
}

static enum bud_decision ask_locked(const struct bud_authority *authority,
	const struct bud_question *question, struct bud_ruling *out)
{
	const struct bud_policy_owner *owner =
		bud_policy_owner_of(authority->policy, question->resource);
	struct bud_policy_answer answer = {0};
	const struct bud_grant *grant;
	enum bud_decision decision;

	if (authority->policy)
		bud_policy_ask(authority->policy, question, &answer);
	if (answer.denied)
		return decide(out, BUD_DECISION_DENY, "rule: %s", answer.denied->name);
	if (has_name(owner, question->who))
		return decide(out, BUD_DECISION_PERMIT, "owner of %s", owner->pattern);
	grant = answer.permitted && !answer.lacking ? NULL : find_grant(authority, question, owner);
	if (lacks_scope(question, &answer, grant))
		decision = BUD_DECISION_DENY;
	else if (answer.permitted)
		return decide(out, BUD_DECISION_PERMIT, "rule: %s", answer.permitted->name);
	else if (grant)
		return decide(out, BUD_DECISION_PERMIT, "grant: %s by %s", grant->id, grant->owner);
	else
		decision = ask_rest(authority, question, owner, out);
	if (decision == BUD_DECISION_DENY && answer.lacking && out) {
		(void)decide(out, decision, "rule: %s", answer.lacking->name);
		snprintf(out->scope, sizeof(out->scope), "%s", answer.scope);
	}
	return decision;
}

/* An app's token names its organization, and the app itself as the issuer: "ttd/apps-test". */
static bool is_other_apps(const struct bud_question *question)
{
	static const char prefix[] = "urn:altinn:resource:app_";
	const struct bud_identity *app = question->identity;
	bud_auto(buffer) struct bud_buffer own = {0};
	char *slash;

	if (question->action != BUD_ACTION_PUBLISH || !app ||
		app->kind != BUD_AUTHENTICATED_PLATFORM ||
		!bud_span_starts(question->resource, bud_span(prefix)))
		return false;
	bud_buffer_format(&own, "%s%s", prefix, app->issuer ? app->issuer : "");
	slash = strchr(own.at, '/');
	if (!slash)
		return true;
	*slash = '_';
	return !bud_span_equals(question->resource, bud_buffer_as_span(&own));
}

enum bud_decision bud_authorize(struct bud_authority *authority,
	const struct bud_question *question, struct bud_ruling *out_ruling)
{
	enum bud_decision decision;

	if (question->action != BUD_ACTION_PUBLISH && question->publisher.at &&
		bud_span_equals(question->publisher, question->who))
		return decide(out_ruling, BUD_DECISION_PERMIT, "one's own event");
	if (authority->is_open) {
		if (bud_span_is(question->who, BUD_OWNER_LOCAL) && !question->publisher.at)
			return decide(out_ruling, BUD_DECISION_PERMIT,
				"there is no authentication: all is local");
		return decide(out_ruling, BUD_DECISION_DENY,
			"there is no authentication: only what is local is permitted");
	}
	if (is_other_apps(question))
		return decide(out_ruling, BUD_DECISION_DENY, "an app publishes for no other app");
	pthread_rwlock_rdlock(&authority->lock);
	decision = ask_locked(authority, question, out_ruling);
	pthread_rwlock_unlock(&authority->lock);
	return decision;
}

void bud_question_of_event(const struct bud_event *event, struct bud_span who,
	enum bud_action action, struct bud_question *out_question)
{
	const struct bud_attribute *resource = bud_event_find(event, bud_span("resource"));

	*out_question = (struct bud_question){
		.action = action,
		.who = who,
		.publisher = event->owner,
		.resource = resource ? resource->value : bud_span(""),
		.type = event->type,
		.subject = event->subject.at ? event->subject : bud_span(""),
	};
}

enum bud_decision bud_authorize_delivery(struct bud_authority *authority,
	const struct bud_event *event, struct bud_span subscription_owner, int64_t now_ms)
{
	struct bud_question question;

	if (bud_span_equals(event->owner, subscription_owner))
		return BUD_DECISION_PERMIT;
	if (authority->is_open)
		return BUD_DECISION_DENY;
	bud_question_of_event(event, subscription_owner, BUD_ACTION_SUBSCRIBE, &question);
	question.now_ms = now_ms;
	return bud_authorize(authority, &question, NULL);
}

bool bud_authority_owner_of(
	struct bud_authority *authority, struct bud_span resource, char out[BUD_OWNER_BYTES])
{
	const struct bud_policy_owner *owner;

	pthread_rwlock_rdlock(&authority->lock);
	owner = bud_policy_owner_of(authority->policy, resource);
	if (owner)
		snprintf(out, BUD_OWNER_BYTES, "%s", owner->owner);
	pthread_rwlock_unlock(&authority->lock);
	return owner != NULL;
}

/* Grants */

void bud_authority_put_grant(struct bud_authority *authority, struct bud_grant *taken)
{
	pthread_rwlock_wrlock(&authority->lock);
	bud_grants_put(authority->is_loading ? &authority->next : &authority->grants, taken);
	pthread_rwlock_unlock(&authority->lock);
}

void bud_authority_remove_grant(struct bud_authority *authority, struct bud_span id)
{
	pthread_rwlock_wrlock(&authority->lock);
	bud_grants_remove(authority->is_loading ? &authority->next : &authority->grants, id);
	pthread_rwlock_unlock(&authority->lock);
}

void bud_authority_begin_load(struct bud_authority *authority)
{
	bud_grants_finish(&authority->next);
	authority->next = (struct bud_grants){0};
	authority->is_loading = true;
}

void bud_authority_end_load(struct bud_authority *authority)
{
	struct bud_grants before;

	pthread_rwlock_wrlock(&authority->lock);
	before = authority->grants;
	authority->grants = authority->next;
	authority->next = (struct bud_grants){0};
	authority->is_loading = false;
	pthread_rwlock_unlock(&authority->lock);
	bud_grants_finish(&before);
}

uint64_t bud_authority_list_grants(struct bud_authority *authority, struct bud_span owner,
	uint64_t after, size_t max, struct bud_buffer *out)
{
	const struct bud_grant **list;
	uint64_t last = after;
	size_t n;

	pthread_rwlock_rdlock(&authority->lock);
	list = bud_grants_list(&authority->grants, owner, after, &n);
	for (size_t i = 0; i < n && i < max; i++) {
		if (i > 0)
			bud_buffer_byte(out, ',');
		bud_grant_write(list[i], out);
		last = list[i]->serial;
	}
	pthread_rwlock_unlock(&authority->lock);
	free(list);
	return n > max ? last : 0;
}

size_t bud_authority_count_grants(
	struct bud_authority *authority, struct bud_span owner, size_t max)
{
	size_t n;

	pthread_rwlock_rdlock(&authority->lock);
	n = bud_grants_count(&authority->grants, owner, max);
	pthread_rwlock_unlock(&authority->lock);
	return n;
}

size_t bud_authority_list_expired(struct bud_authority *authority, int64_t before_ms,
	char (*out_ids)[BUD_GRANT_ID_BYTES], size_t max)
{
	const struct bud_grant *grant;
	size_t position = 0;
	size_t n = 0;

	pthread_rwlock_rdlock(&authority->lock);
	while (n < max &&
		(grant = bud_grants_next_expired(&authority->grants, before_ms, &position)))
		memcpy(out_ids[n++], grant->id, BUD_GRANT_ID_BYTES);
	pthread_rwlock_unlock(&authority->lock);
	return n;
}

struct bud_hash_128 bud_authority_key(
	const struct bud_authority *authority, const struct bud_question *question)
{
	return bud_decision_key(authority->decisions, question);
}

void bud_authority_remember(struct bud_authority *authority, struct bud_hash_128 key,
	enum bud_decision decision, int64_t until_ms)
{
	bud_decision_cache_put(authority->decisions, key, decision, until_ms);
}

void bud_authority_forget_decisions(struct bud_authority *authority)
{
	bud_decision_cache_clear(authority->decisions);
}
