/* The order of authorization: one's own events, what is denied, the owner of the resource, what a
 * rule permits, a grant of who owns the resource or published, the decision point, else no; and the
 * answer says which it was. Without authentication all is local, and nothing else is permitted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "auth/authorize.h"
#include "auth/grant.h"
#include "auth/identity.h"
#include "auth/policy.h"
#include "event/event.h"

#define BYTES                                                                                      \
	"{\"specversion\":\"1.0\",\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\","                  \
	"\"resource\":\"urn:r:a\",\"subject\":\"/party/1\"}"

static struct bud_policy *policy_of(const char *json)
{
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};

	if (bud_policy_parse(bud_span(json), &policy, &error) < 0)
		fail_msg("%s", error.text);
	return policy;
}

static struct bud_authority *create(bool is_open, bool has_point, const char *policy_json)
{
	struct bud_authority *authority = bud_authority_create(
		&(struct bud_authority_options){.is_open = is_open, .has_point = has_point});

	bud_authority_set_policy(authority, policy_json ? policy_of(policy_json) : NULL);
	return authority;
}

static struct bud_question question_of(enum bud_action action, const char *who)
{
	return (struct bud_question){.action = action,
		.who = bud_span(who),
		.publisher = bud_span("/org/pub"),
		.resource = bud_span("urn:r:a"),
		.type = bud_span("t"),
		.subject = bud_span("/party/1")};
}

/* "permit: the rule". */
static const char *ask(struct bud_authority *authority, const struct bud_question *question)
{
	static char said[400];
	struct bud_ruling ruling;
	enum bud_decision decision = bud_authorize(authority, question, &ruling);

	assert_int_equal(decision, ruling.decision);
	assert_int_equal(decision, bud_authorize(authority, question, NULL));
	snprintf(said, sizeof(said), "%s: %s%s%s", bud_decision_word(decision), ruling.rule,
		ruling.scope[0] ? " lacks " : "", ruling.scope);
	return said;
}

static struct bud_grant *grant_of(const char *owner, const char *to, const char *resource)
{
	struct bud_grant *grant = bud_new(struct bud_grant);

	snprintf(grant->id, sizeof(grant->id), "g1");
	grant->owner = bud_strdup(owner);
	grant->to = bud_strdup(to);
	grant->resource = resource ? bud_strdup(resource) : NULL;
	grant->actions = 1u << BUD_ACTION_SUBSCRIBE | 1u << BUD_ACTION_READ;
	return grant;
}

static void without_authentication_all_is_local(void **state)
{
	struct bud_authority *authority = create(true, false, NULL);
	struct bud_event *local = bud_event_create(bud_span("local"), bud_span(BYTES));
	struct bud_event *foreign = bud_event_create(bud_span("/org/a"), bud_span(BYTES));
	struct bud_question publish = {
		.action = BUD_ACTION_PUBLISH, .who = bud_span("local"), .resource = bud_span("r")};

	(void)state;
	assert_true(bud_authority_is_open(authority));
	assert_int_equal(bud_authorize_delivery(authority, local, bud_span("local"), 0),
		BUD_DECISION_PERMIT);
	assert_int_equal(
		bud_authorize_delivery(authority, local, bud_span("/org/a"), 0), BUD_DECISION_DENY);
	assert_int_equal(bud_authorize_delivery(authority, foreign, bud_span("local"), 0),
		BUD_DECISION_DENY);
	assert_string_equal(
		ask(authority, &publish), "permit: there is no authentication: all is local");
	bud_event_unref(local);
	bud_event_unref(foreign);
	bud_authority_destroy(authority);
	bud_authority_destroy(NULL);
}

static void goes_in_order(void **state)
{
	struct bud_authority *authority = create(false, false,
		"{\"resources\":[{\"resource\":\"urn:r:*\",\"owner\":\"/org/own\"}],\"rules\":["
		"{\"name\":\"some\",\"who\":[\"/org/a\",\"/org/bad\",\"/org/pub\"],"
		"\"actions\":[\"subscribe\"]},"
		"{\"name\":\"none\",\"effect\":\"deny\",\"who\":[\"/org/bad\",\"/org/pub\"],"
		"\"actions\":[\"subscribe\"]},"
		"{\"name\":\"scoped\",\"who\":[\"/org/s\"],\"actions\":[\"subscribe\"],"
		"\"scopes\":[\"sub\"]}]}");
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/s");
	struct bud_question question = question_of(BUD_ACTION_SUBSCRIBE, "/org/pub");

	(void)state;
	assert_string_equal(ask(authority, &question), "permit: one's own event");
	question.who = bud_span("/org/bad");
	assert_string_equal(ask(authority, &question), "deny: rule: none");
	question.who = bud_span("/org/own");
	assert_string_equal(ask(authority, &question), "permit: owner of urn:r:*");
	question.who = bud_span("/org/a");
	assert_string_equal(ask(authority, &question), "permit: rule: some");
	question.who = bud_span("/org/x");
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	question.who = bud_span("/org/s");
	question.identity = identity;
	assert_string_equal(ask(authority, &question), "deny: rule: scoped lacks sub");
	bud_authority_set_policy(authority, NULL);
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	bud_identity_unref(identity);
	bud_authority_destroy(authority);
}

/* Deliveries ask for no scopes: who lacks one gets no subscription that such events may come to,
 * and every other. */
static void a_wide_subscription_needs_the_scopes_too(void **state)
{
	static const char rules[] =
		"{\"resources\":[{\"resource\":\"urn:r:*\",\"owner\":\"/org/own\"}],\"rules\":["
		"{\"name\":\"scoped\",\"who\":[\"/org/s\",\"/org/all\"],"
		"\"actions\":[\"subscribe\"],"
		"\"resources\":[\"urn:r:secret\"],\"types\":[\"t.*\"],\"scopes\":[\"sub\"]},"
		"{\"name\":\"open\",\"who\":[\"/org/s\"],\"actions\":[\"subscribe\"],"
		"\"resources\":[\"urn:r:open\"]},"
		"{\"name\":\"all\",\"who\":[\"/org/all\"],\"actions\":[\"subscribe\"]}]}";
	struct bud_authority *authority = create(false, false, rules);
	struct bud_identity *lacking = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/s");
	struct bud_identity *all = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/all");
	struct bud_question question = {
		.action = BUD_ACTION_SUBSCRIBE, .who = bud_span("/org/s"), .identity = lacking};

	(void)state;
	assert_string_equal(ask(authority, &question), "deny: rule: scoped lacks sub");
	question.type = bud_span("t.a");
	assert_string_equal(ask(authority, &question), "deny: rule: scoped lacks sub");
	question.resource = bud_span("urn:r:secret");
	assert_string_equal(ask(authority, &question), "deny: rule: scoped lacks sub");
	question.type = (struct bud_span){NULL, 0};
	assert_string_equal(ask(authority, &question), "deny: rule: scoped lacks sub");
	question.type = bud_span("u");
	question.resource = (struct bud_span){NULL, 0};
	assert_string_equal(ask(authority, &question), "permit: rule: open");
	question.resource = bud_span("urn:r:open");
	assert_string_equal(ask(authority, &question), "permit: rule: open");
	/* An event that came, and somebody who may have it anyhow. */
	question = (struct bud_question){.action = BUD_ACTION_SUBSCRIBE,
		.who = bud_span("/org/s"),
		.publisher = bud_span("/org/own"),
		.resource = bud_span("urn:r:secret"),
		.type = bud_span("t.a"),
		.subject = bud_span("")};
	assert_string_equal(ask(authority, &question), "permit: rule: scoped");
	question = (struct bud_question){
		.action = BUD_ACTION_SUBSCRIBE, .who = bud_span("/org/all"), .identity = all};
	assert_string_equal(ask(authority, &question), "permit: rule: all");
	/* With it. */
	bud_identity_add_scope(lacking, bud_span("sub"));
	question.who = bud_span("/org/s");
	question.identity = lacking;
	assert_string_equal(ask(authority, &question), "permit: rule: scoped");
	bud_identity_unref(lacking);
	bud_identity_unref(all);
	bud_authority_destroy(authority);
}

/* An app's own token is its organization's name, but no other app's. */
static void an_app_publishes_for_no_other(void **state)
{
	static const struct {
		const char *issuer, *resource, *said;
	} cases[] = {
		{"ttd/one", "urn:altinn:resource:app_ttd_one", "permit: owner of urn:altinn:*"},
		{"ttd/one", "urn:altinn:resource:dodsbo", "permit: owner of urn:altinn:*"},
		{"ttd/one", "", "permit: nothing speaks about this resource"},
		{"ttd/one", "urn:altinn:resource:app_ttd_one2",
			"deny: an app publishes for no other app"},
		{"ttd/one", "urn:altinn:resource:app_ttd_on",
			"deny: an app publishes for no other app"},
		{"ttd/one", "urn:altinn:resource:app_skd_one",
			"deny: an app publishes for no other app"},
		{"ttd", "urn:altinn:resource:app_ttd_", "deny: an app publishes for no other app"},
		{NULL, "urn:altinn:resource:app_ttd_one",
			"deny: an app publishes for no other app"},
	};
	struct bud_authority *authority = create(false, false,
		"{\"resources\":[{\"resource\":\"urn:altinn:*\",\"owner\":\"/org/ttd\"}]}");
	struct bud_identity *app = bud_identity_create(BUD_AUTHENTICATED_PLATFORM, "/org/ttd");
	struct bud_question question = {.action = BUD_ACTION_PUBLISH,
		.who = bud_span("/org/ttd"),
		.identity = app,
		.publisher = bud_span("/org/ttd"),
		.type = bud_span("t"),
		.subject = bud_span("")};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		app->issuer = (char *)(uintptr_t)cases[i].issuer;
		question.resource = bud_span(cases[i].resource);
		assert_string_equal(ask(authority, &question), cases[i].said);
	}
	app->issuer = NULL;
	bud_identity_unref(app);
	bud_authority_destroy(authority);
}

static void says_who_may_publish(void **state)
{
	static const char policy[] =
		"{\"resources\":[{\"resource\":\"urn:r:*\",\"owner\":\"/org/own\"}]}";
	struct bud_authority *authority = create(false, false, NULL);
	struct bud_question question = {.action = BUD_ACTION_PUBLISH,
		.who = bud_span("/org/a"),
		.publisher = bud_span("/org/a"),
		.resource = bud_span("urn:r:a"),
		.type = bud_span("t"),
		.subject = bud_span("")};
	struct bud_policy *read = NULL;

	(void)state;
	assert_string_equal(
		ask(authority, &question), "permit: nothing speaks about this resource");
	assert_int_equal(bud_policy_parse(bud_span(policy), &read, NULL), 0);
	bud_authority_set_policy(authority, read);
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	question.who = bud_span("/org/own");
	assert_string_equal(ask(authority, &question), "permit: owner of urn:r:*");
	question.who = bud_span("/org/a");
	question.resource = bud_span("urn:other");
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	question.resource = bud_span("");
	assert_string_equal(
		ask(authority, &question), "permit: nothing speaks about this resource");
	bud_authority_destroy(authority);
}

/* A grant counts as long as its giver owns the resource, and for what it published. */
static void honours_grants(void **state)
{
	struct bud_authority *authority = create(false, false,
		"{\"resources\":[{\"resource\":\"urn:r:a\",\"owner\":\"/org/own\"}]}");
	struct bud_question question = question_of(BUD_ACTION_SUBSCRIBE, "/org/x");

	(void)state;
	bud_authority_put_grant(authority, grant_of("/org/own", "/org/x", "urn:r:a"));
	assert_string_equal(ask(authority, &question), "permit: grant: g1 by /org/own");
	bud_authority_put_grant(authority, grant_of("/org/other", "/org/x", "urn:r:a"));
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/x", "urn:r:a"));
	assert_string_equal(ask(authority, &question), "permit: grant: g1 by /org/pub");
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/x", NULL));
	assert_string_equal(ask(authority, &question), "permit: grant: g1 by /org/pub");
	question.publisher = bud_span("/org/else");
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	/* Nobody has published yet: some such event may come, if its giver may publish it. */
	question.publisher = (struct bud_span){NULL, 0};
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	bud_authority_set_policy(authority,
		policy_of("{\"resources\":[{\"resource\":\"urn:r:*\",\"owner\":\"/org/own\"}],"
			  "\"rules\":[{\"who\":[\"/org/pub\"],\"actions\":[\"publish\"]}]}"));
	assert_string_equal(ask(authority, &question), "permit: grant: g1 by /org/pub");
	bud_authority_remove_grant(authority, bud_span("g1"));
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	bud_authority_destroy(authority);
}

static void a_load_replaces_all_at_once(void **state)
{
	struct bud_authority *authority = create(false, false, NULL);
	struct bud_question question = question_of(BUD_ACTION_READ, "/org/x");
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/x", NULL));
	bud_authority_begin_load(authority);
	assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_PERMIT);
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/y", NULL));
	assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_PERMIT);
	bud_authority_begin_load(authority);
	bud_authority_end_load(authority);
	assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_DENY);
	assert_int_equal(bud_authority_count_grants(authority, bud_span("/org/pub"), 9), 0);
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/x", NULL));
	assert_int_equal(bud_authority_count_grants(authority, bud_span("/org/pub"), 9), 1);
	assert_int_equal(bud_authority_list_grants(authority, bud_span("/org/z"), 0, 10, &out), 0);
	assert_int_equal(out.len, 0);
	bud_authority_destroy(authority);
}

/* A page is one walk over all grants there are, however many it has. */
static void lists_many_at_once(void **state)
{
	struct bud_authority *authority = create(false, false, NULL);
	bud_auto(buffer) struct bud_buffer out = {0};
	clock_t began;

	(void)state;
	for (uint64_t i = 0; i < 40000; i++) {
		struct bud_grant *grant = bud_new(struct bud_grant);
		char name[16];
		snprintf(name, sizeof(name), "/org/%d", (int)(i % 40));
		snprintf(grant->id, sizeof(grant->id), "%d", (int)i);
		grant->owner = bud_strdup(name);
		grant->to = bud_strdup("/org/x");
		grant->serial = i + 1;
		bud_authority_put_grant(authority, grant);
	}
	began = clock();
	assert_int_equal(
		bud_authority_list_grants(authority, bud_span("/org/7"), 0, 999, &out), 39928);
	assert_int_equal(
		bud_authority_list_grants(authority, bud_span("/org/7"), 39928, 999, &out), 0);
	assert_true(clock() - began < CLOCKS_PER_SEC / 2);
	bud_authority_destroy(authority);
}

/* Whoever likes may give somebody grants that mean nothing: the next event costs no more. */
static void grants_of_strangers_cost_nothing(void **state)
{
	struct bud_authority *authority = create(false, false, NULL);
	struct bud_question question = question_of(BUD_ACTION_SUBSCRIBE, "/org/x");
	clock_t began;

	(void)state;
	for (uint64_t i = 0; i < 20000; i++) {
		struct bud_grant *grant = grant_of("/org/stranger", "/org/x", "urn:r:none");
		snprintf(grant->id, sizeof(grant->id), "%d", (int)i);
		bud_authority_put_grant(authority, grant);
	}
	bud_authority_put_grant(authority, grant_of("/org/pub", "/org/x", "urn:r:a"));
	began = clock();
	for (int i = 0; i < 20000; i++)
		assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_PERMIT);
	assert_true(clock() - began < CLOCKS_PER_SEC / 2);
	bud_authority_destroy(authority);
}

static void waits_for_the_point(void **state)
{
	struct bud_authority *authority = create(false, true, NULL);
	struct bud_question question = question_of(BUD_ACTION_SUBSCRIBE, "/org/x");
	struct bud_event *event = bud_event_create(bud_span("/org/pub"), bud_span(BYTES));

	(void)state;
	assert_string_equal(
		ask(authority, &question), "later: the decision point has not answered");
	bud_authority_remember(
		authority, bud_authority_key(authority, &question), BUD_DECISION_PERMIT, 1000);
	assert_string_equal(ask(authority, &question), "permit: the decision point");
	assert_int_equal(bud_authorize_delivery(authority, event, bud_span("/org/x"), 0),
		BUD_DECISION_PERMIT);
	question.subject = bud_span("/party/2");
	assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_LATER);
	bud_authority_remember(
		authority, bud_authority_key(authority, &question), BUD_DECISION_DENY, 1000);
	assert_string_equal(ask(authority, &question), "deny: the decision point");
	question.resource = bud_span("");
	assert_string_equal(ask(authority, &question), "deny: no rule and no grant permits it");
	question = question_of(BUD_ACTION_PUBLISH, "/org/pub");
	assert_int_equal(bud_authorize(authority, &question, NULL), BUD_DECISION_LATER);
	bud_event_unref(event);
	bud_authority_destroy(authority);
}

static void knows_owners(void **state)
{
	struct bud_authority *authority = create(false, false,
		"{\"resources\":[{\"resource\":\"urn:r:a\",\"owner\":\"/org/own\"}]}");
	char owner[BUD_OWNER_BYTES];

	(void)state;
	assert_true(bud_authority_owner_of(authority, bud_span("urn:r:a"), owner));
	assert_string_equal(owner, "/org/own");
	assert_false(bud_authority_owner_of(authority, bud_span("urn:r:b"), owner));
	assert_false(bud_authority_is_open(authority));
	bud_authority_destroy(authority);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_authentication_all_is_local),
		cmocka_unit_test(goes_in_order),
		cmocka_unit_test(a_wide_subscription_needs_the_scopes_too),
		cmocka_unit_test(an_app_publishes_for_no_other),
		cmocka_unit_test(says_who_may_publish),
		cmocka_unit_test(honours_grants),
		cmocka_unit_test(a_load_replaces_all_at_once),
		cmocka_unit_test(lists_many_at_once),
		cmocka_unit_test(grants_of_strangers_cost_nothing),
		cmocka_unit_test(waits_for_the_point),
		cmocka_unit_test(knows_owners),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
