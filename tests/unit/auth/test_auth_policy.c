/* A policy is read strictly, and a fault is named with its line and what would be right; the
 * longest pattern says who owns a resource; rules concern whom, what and which events they say;
 * what is not known yet is enough to permit and not enough to deny. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "auth/identity.h"
#include "auth/policy.h"

static struct bud_policy *policy_of(const char *json)
{
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};

	if (bud_policy_parse(bud_span(json), &policy, &error) < 0)
		fail_msg("%s", error.text);
	return policy;
}

static void names_what_is_wrong(void **state)
{
	static const struct {
		const char *json;
		const char *says; /* with the line */
	} cases[] = {
		{"{", "line 1: "},
		{"[]", "line 1: must be an object"},
		{"{\n\"rule\": []}", "line 2: rule: there is no such member; known here are "
				     "resources, rules, parties, quotas, comment"},
		{"{\"rules\": [],\n\"rules\": []}", "line 2: duplicate object key"},
		{"{\"rules\": {}}", "line 1: rules: must be a list of objects"},
		{"{\"rules\": [7]}", "line 1: rules[0]: must be an object"},
		{"{\"rules\": [\n{\"who\":[\"a\"],\n\"actions\":[\"read\"],\n\"tpyes\":[\"t\"]}]}",
			"line 4: rules[0].tpyes: there is no such member; known here are name"},
		{"{\"rules\": [{\"actions\":[\"read\"]}]}", "line 1: rules[0]: needs \"who\""},
		{"{\"rules\": [{\"who\":[\"a\"]}]}", "rules[0]: needs \"actions\""},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[]}]}", "rules[0].actions: needs"},
		{"{\"rules\": [{\"who\":[\"a\"],\n\"actions\":[\n\"write\"]}]}",
			"line 3: rules[0].actions[0]: must be \"publish\", \"subscribe\""},
		{"{\"rules\": [{\"who\":\"a\",\"actions\":[\"read\"]}]}",
			"rules[0].who: must be a list of texts"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"types\":[]}]}",
			"rules[0].types: must be a list of texts, [\"…\"], and not empty; leave"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"types\":[\"t\",3]}]}",
			"rules[0].types[1]: must be a text"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"effect\":\"allow\"}]}",
			"rules[0].effect: must be \"permit\" or \"deny\""},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"own_parties\":1}]}",
			"rules[0].own_parties: must be true or false"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"scopes\":[\"x*\"]}]}",
			"rules[0].scopes[0]: must be named in full"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"effect\":\"deny\",\n"
		 "\"scopes\":[\"x\"]}]}",
			"line 2: rules[0].scopes: a rule that denies has no scopes"},
		{"{\"rules\": [{\"who\":[\"a\"],\"actions\":[\"read\"],\"comment\":[]}]}",
			"rules[0].comment: must be a text"},
		{"{\"resources\": [{\"resource\":\"r\"}]}", "resources[0]: needs \"owner\""},
		{"{\"resources\": [{\"resource\":\"r\",\"owner\":\"/org/*\"}]}",
			"resources[0].owner: must be named in full"},
		{"{\"resources\": [{\"resource\":\"r\",\"owner\":\"a\"},"
		 "{\"resource\":\"r\",\"owner\":\"b\"}]}",
			"\"r\" stands there twice"},
		{"{\"quotas\": [{\"subscriptions\":1}]}", "quotas[0]: needs \"who\""},
		{"{\"quotas\": [{\"who\":\"/org/*\"}]}", "quotas[0].who: must be named in full"},
		{"{\"quotas\": [{\"who\":\"a\"},\n{\"who\":\"a\"}]}",
			"line 2: quotas[1].who: stands there twice"},
		{"{\"quotas\": [{\"who\":\"a\",\"parked_bytes\":-1}]}",
			"quotas[0].parked_bytes: must be a number from 0"},
		{"{\"quotas\": [{\"who\":\"a\",\"publish_per_s\":\"5\"}]}",
			"quotas[0].publish_per_s: must be a number"},
		{"{\"quotas\": [{\"who\":\"a\",\"events\":5}]}", "quotas[0].events: there is no"},
		{"{\"parties\": [{\"who\":\"a\"}]}", "parties[0]: needs \"who\""},
		{"{\"parties\": [{\"who\":\"*\",\"for\":[\"p\"]}]}",
			"parties[0].who: must be named in full"},
		{"{\"parties\": [{\"who\":\"a\",\"for\":[\"/party/*\"]}]}",
			"parties[0].for[0]: must be named in full"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_policy *policy = NULL;
		struct bud_error error = {0};
		int r = bud_policy_parse(bud_span(cases[i].json), &policy, &error);
		assert_null(policy);
		if (r != -EINVAL || !strstr(error.text, cases[i].says))
			fail_msg("%s: %s", cases[i].json, error.text);
	}
}

/* Nobody is told to leave out what must be there. */
static void advises_what_helps(void **state)
{
	static const char json[] = "{\"rules\":[{\"who\":[],\"actions\":[\"read\"]}]}";
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(bud_policy_parse(bud_span(json), &policy, &error), -EINVAL);
	assert_non_null(strstr(error.text, "rules[0].who: must be a list"));
	assert_null(strstr(error.text, "leave it out"));
}

static void reads_files(void **state)
{
	char path[] = "/tmp/policy.XXXXXX";
	int fd = mkstemp(path);
	struct bud_policy *policy = NULL;
	struct bud_error error = {0};

	(void)state;
	assert_int_equal(write(fd, "{\n\"x\":1}", 8), 8);
	close(fd);
	assert_int_equal(bud_policy_load(path, &policy, &error), -EINVAL);
	assert_memory_equal(error.text, path, strlen(path));
	assert_non_null(strstr(error.text, ": line 2: x: there is no such member"));
	unlink(path);
	assert_int_equal(bud_policy_load(path, &policy, &error), -ENOENT);
	assert_non_null(strstr(error.text, "No such file"));
	assert_null(policy);
}

static const char *owner_of(const struct bud_policy *policy, const char *resource)
{
	const struct bud_policy_owner *owner = bud_policy_owner_of(policy, bud_span(resource));

	return owner ? owner->owner : "-";
}

static void knows_owners(void **state)
{
	struct bud_policy *policy =
		policy_of("{\"resources\":["
			  "{\"resource\":\"urn:r:*\",\"owner\":\"/org/all\"},"
			  "{\"resource\":\"urn:r:app_ttd_*\",\"owner\":\"/org/ttd\"},"
			  "{\"resource\":\"urn:r:app_ttd_x\",\"owner\":\"/org/x\"}]}");

	(void)state;
	assert_string_equal(owner_of(policy, "urn:r:app_ttd_x"), "/org/x");
	assert_string_equal(owner_of(policy, "urn:r:app_ttd_xy"), "/org/ttd");
	assert_string_equal(owner_of(policy, "urn:r:other"), "/org/all");
	assert_string_equal(owner_of(policy, "urn:s"), "-");
	assert_string_equal(owner_of(policy, ""), "-");
	assert_null(bud_policy_owner_of(NULL, bud_span("urn:r:x")));
	bud_policy_destroy(policy);
	bud_policy_destroy(NULL);
}

static const char rules[] =
	"{\"rules\":["
	"{\"name\":\"one\",\"who\":[\"/org/a\",\"/org/a\"],\"actions\":[\"subscribe\"],"
	"\"resources\":[\"urn:r\"],\"types\":[\"t.*\"],\"subjects\":[\"/party/1\",\"/party/2\"]},"
	"{\"who\":[\"/systemuser/*\"],\"actions\":[\"subscribe\",\"read\"],\"own_parties\":true},"
	"{\"name\":\"scoped\",\"who\":[\"*\"],\"actions\":[\"publish\"],"
	"\"scopes\":[\"p\",\"q\"]},"
	"{\"name\":\"no\",\"effect\":\"deny\",\"who\":[\"*\"],\"actions\":[\"read\"],"
	"\"types\":[\"secret.*\"]}],"
	"\"parties\":[{\"who\":\"/systemuser/1\",\"for\":[\"/party/1\",\"/party/2\",\"/party/1\"]},"
	"{\"who\":\"/systemuser/1\",\"for\":[\"urn:p:3\"]}]}";

struct ask {
	enum bud_action action;
	const char *who;
	const char *resource; /* NULL: any */
	const char *type;
	const char *subject;
	const char *denied; /* NULL: none */
	const char *permitted;
};

static struct bud_span span_of(const char *text)
{
	return text ? bud_span(text) : (struct bud_span){NULL, 0};
}

static const char *name_of(const struct bud_policy_rule *rule)
{
	return rule ? rule->name : "-";
}

static void knows_quotas(void **state)
{
	struct bud_policy *policy = policy_of("{\"quotas\":[{\"who\":\"/org/a\","
					      "\"subscriptions\":5,\"publish_per_s\":0},"
					      "{\"who\":\"/org/b\",\"comment\":\"none\"}]}");
	size_t n;
	const struct bud_policy_quota *quotas = bud_policy_quotas(policy, &n);

	(void)state;
	assert_int_equal(n, 2);
	assert_string_equal(quotas[0].who, "/org/a");
	assert_int_equal(quotas[0].quotas.subscriptions, 5);
	assert_int_equal(quotas[0].quotas.publish_per_s, 0);
	assert_int_equal(quotas[0].quotas.parked_bytes, -1);
	assert_string_equal(quotas[1].who, "/org/b");
	assert_int_equal(quotas[1].quotas.subscriptions, -1);
	bud_policy_destroy(policy);
}

static void answers(void **state)
{
	static const struct ask cases[] = {
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:r", "t.x", "/party/1", NULL, "one"},
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:r", "t.x", "/party/3", NULL, NULL},
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:r", "t.x", "", NULL, NULL},
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:r", "tx", "/party/1", NULL, NULL},
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:s", "t.x", "/party/1", NULL, NULL},
		{BUD_ACTION_READ, "/org/a", "urn:r", "t.x", "/party/1", NULL, NULL},
		{BUD_ACTION_SUBSCRIBE, "/org/b", "urn:r", "t.x", "/party/1", NULL, NULL},
		/* Not known yet. */
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:r", NULL, NULL, NULL, "one"},
		{BUD_ACTION_SUBSCRIBE, "/org/a", NULL, NULL, NULL, NULL, "one"},
		{BUD_ACTION_SUBSCRIBE, "/org/a", "urn:s", NULL, NULL, NULL, NULL},
		/* Its own parties. */
		{BUD_ACTION_READ, "/systemuser/1", "x", "t", "/party/1", NULL, "rules[1]"},
		{BUD_ACTION_READ, "/systemuser/1", "x", "t", "urn:p:3", NULL, "rules[1]"},
		{BUD_ACTION_READ, "/systemuser/1", "x", "t", "/party/3", NULL, NULL},
		{BUD_ACTION_READ, "/systemuser/1", "x", "t", "", NULL, NULL},
		{BUD_ACTION_READ, "/systemuser/2", "x", "t", "/party/1", NULL, NULL},
		{BUD_ACTION_READ, "/systemuser/1", "x", "t", NULL, NULL, "rules[1]"},
		{BUD_ACTION_READ, "/systemuser/2", "x", "t", NULL, NULL, NULL},
		/* Denied, once it is known. */
		{BUD_ACTION_READ, "/systemuser/1", "x", "secret.1", "/party/1", "no", "rules[1]"},
		{BUD_ACTION_READ, "/systemuser/1", "x", NULL, "/party/1", NULL, "rules[1]"},
	};
	struct bud_policy *policy = policy_of(rules);

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_question question = {
			.action = cases[i].action,
			.who = bud_span(cases[i].who),
			.resource = span_of(cases[i].resource),
			.type = span_of(cases[i].type),
			.subject = span_of(cases[i].subject),
		};
		struct bud_policy_answer answer;
		bud_policy_ask(policy, &question, &answer);
		if (strcmp(name_of(answer.denied), cases[i].denied ? cases[i].denied : "-") != 0 ||
			strcmp(name_of(answer.permitted),
				cases[i].permitted ? cases[i].permitted : "-") != 0)
			fail_msg("case %zu: %s, %s", i, name_of(answer.denied),
				name_of(answer.permitted));
	}
	bud_policy_destroy(policy);
}

static void asks_for_scopes(void **state)
{
	struct bud_policy *policy = policy_of(rules);
	struct bud_identity *identity = bud_identity_create(BUD_AUTHENTICATED_TOKEN, "/org/c");
	struct bud_question question = {
		.action = BUD_ACTION_PUBLISH,
		.who = bud_span("/org/c"),
		.identity = identity,
	};
	struct bud_policy_answer answer;

	(void)state;
	bud_identity_add_scope(identity, bud_span("p"));
	bud_policy_ask(policy, &question, &answer);
	assert_null(answer.permitted);
	assert_string_equal(name_of(answer.lacking), "scoped");
	assert_string_equal(answer.scope, "q");
	bud_identity_add_scope(identity, bud_span("q"));
	bud_policy_ask(policy, &question, &answer);
	assert_string_equal(name_of(answer.permitted), "scoped");
	question.identity = NULL;
	bud_policy_ask(policy, &question, &answer);
	assert_string_equal(name_of(answer.permitted), "scoped");
	bud_identity_unref(identity);
	bud_policy_destroy(policy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(advises_what_helps),
		cmocka_unit_test(reads_files),
		cmocka_unit_test(knows_owners),
		cmocka_unit_test(knows_quotas),
		cmocka_unit_test(answers),
		cmocka_unit_test(asks_for_scopes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
