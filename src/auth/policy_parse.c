/* Reading a policy: strictly, for a word that is written wrong would permit or deny what nobody
 * meant. */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/place.h"
#include "auth/policy_rules.h"
#include "core/file.h"
#include "core/limits.h"
#include "event/json.h"

#define AMOUNT_MAX (INT64_C(1) << 50)

struct reading {
	struct bud_span text;
	struct bud_error *error;
	struct bud_policy *policy;
};

/* Names the line and the member in front. */
__attribute__((format(printf, 3, 4))) static int fault(
	const struct reading *reading, const struct bud_place *place, const char *format, ...)
{
	bud_auto(buffer) struct bud_buffer where = {0};
	char what[BUD_ERROR_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	bud_place_write(place, &where);
	return bud_error_set(reading->error, where.at ? where.at : "", "line %u: %s%s%s",
		bud_place_line(place, reading->text), where.at ? where.at : "",
		where.at ? ": " : "", what);
}

/* `known` ends with NULL. */
static int check_members(const struct reading *reading, const struct bud_place *place,
	json_t *object, const char *const *known)
{
	bud_auto(buffer) struct bud_buffer names = {0};
	const char *name;
	json_t *value;

	if (!json_is_object(object))
		return fault(reading, place, "must be an object");
	json_object_foreach(object, name, value)
	{
		struct bud_place member = {place, name, 0};
		size_t i = 0;
		while (known[i] && strcmp(known[i], name) != 0)
			i++;
		if (known[i])
			continue;
		for (i = 0; known[i]; i++)
			bud_buffer_format(&names, "%s%s", i ? ", " : "", known[i]);
		return fault(
			reading, &member, "there is no such member; known here are %s", names.at);
	}
	return 0;
}

static int check_text(
	const struct reading *reading, const struct bud_place *place, const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text)
		return fault(reading, place, "must be a text, in quotes");
	if (strlen(text) != json_string_length(value) || strlen(text) > BUD_POLICY_PATTERN_MAX)
		return fault(reading, place, "must be at most %u bytes, and none of them 0",
			BUD_POLICY_PATTERN_MAX);
	return 0;
}

enum list_kind {
	LIST_PATTERNS,
	LIST_OPTIONAL, /* patterns; all, when it is left out */
	LIST_PLAIN,    /* no * in them */
};

static int read_list(const struct reading *reading, const struct bud_place *place, json_t *value,
	enum list_kind kind, struct bud_patterns *out)
{
	size_t i;
	json_t *item;

	if (!value)
		return 0;
	if (!json_is_array(value) || json_array_size(value) == 0)
		return fault(reading, place, "must be a list of texts, [\"…\"], and not empty%s",
			kind == LIST_OPTIONAL ? "; leave it out for all" : "");
	json_array_foreach(value, i, item)
	{
		struct bud_place element = {place, NULL, i};
		int r = check_text(reading, &element, item);
		if (r < 0)
			return r;
		if (kind == LIST_PLAIN && !bud_pattern_is_plain(json_string_value(item)))
			return fault(reading, &element, "must be named in full, without *");
		bud_patterns_add(out, json_string_value(item));
	}
	return 0;
}

static int check_comment(
	const struct reading *reading, const struct bud_place *place, const json_t *object)
{
	struct bud_place member = {place, "comment", 0};
	json_t *comment = json_object_get(object, "comment");

	if (comment && !json_is_string(comment))
		return fault(reading, &member, "must be a text, in quotes");
	return 0;
}

/* resources */

static int read_owner(const struct reading *reading, const struct bud_place *place, json_t *object)
{
	static const char *const known[] = {"resource", "owner", "comment", NULL};
	struct bud_policy_owner *owner = &reading->policy->owners[reading->policy->owners_n];
	const char *const names[] = {"resource", "owner"};
	int r = check_members(reading, place, object, known);

	for (size_t i = 0; r == 0 && i < 2; i++) {
		struct bud_place member = {place, names[i], 0};
		json_t *value = json_object_get(object, names[i]);
		if (!value)
			return fault(reading, place, "needs \"%s\"", names[i]);
		r = check_text(reading, &member, value);
	}
	if (r == 0)
		r = check_comment(reading, place, object);
	if (r < 0)
		return r;
	if (!bud_pattern_is_plain(json_string_value(json_object_get(object, "owner"))))
		return fault(reading, &(struct bud_place){place, "owner", 0},
			"must be named in full, without *");
	owner->pattern = bud_strdup(json_string_value(json_object_get(object, "resource")));
	owner->owner = bud_strdup(json_string_value(json_object_get(object, "owner")));
	reading->policy->owners_n++;
	return 0;
}

/* The longest pattern first, so that the first that matches counts. */
static int compare_owners(const void *a, const void *b)
{
	const struct bud_policy_owner *left = a;
	const struct bud_policy_owner *right = b;
	size_t left_len = strlen(left->pattern);
	size_t right_len = strlen(right->pattern);

	if (left_len != right_len)
		return left_len > right_len ? -1 : 1;
	return strcmp(left->pattern, right->pattern);
}

static int sort_owners(const struct reading *reading)
{
	struct bud_policy *policy = reading->policy;
	struct bud_place place = {NULL, "resources", 0};

	if (policy->owners_n > 1)
		qsort(policy->owners, policy->owners_n, sizeof(*policy->owners), compare_owners);
	for (size_t i = 1; i < policy->owners_n; i++)
		if (strcmp(policy->owners[i - 1].pattern, policy->owners[i].pattern) == 0)
			return fault(reading, &place,
				"\"%.100s\" stands there twice: one owner each",
				policy->owners[i].pattern);
	return 0;
}

/* rules */

static int read_effect(const struct reading *reading, const struct bud_place *place,
	const json_t *object, struct bud_policy_rule *rule)
{
	struct bud_place member = {place, "effect", 0};
	const json_t *effect = json_object_get(object, "effect");
	const char *text = json_string_value(effect);

	if (!effect)
		return 0;
	if (!text || (strcmp(text, "permit") != 0 && strcmp(text, "deny") != 0))
		return fault(reading, &member, "must be \"permit\" or \"deny\"");
	rule->is_deny = strcmp(text, "deny") == 0;
	return 0;
}

static int read_actions(const struct reading *reading, const struct bud_place *place,
	json_t *object, struct bud_policy_rule *rule)
{
	struct bud_place member = {place, "actions", 0};
	json_t *list = json_object_get(object, "actions");
	size_t i;
	json_t *item;

	if (!json_is_array(list) || json_array_size(list) == 0)
		return fault(reading, list ? &member : place,
			"needs \"actions\": a list of \"publish\", \"subscribe\" and \"read\"");
	json_array_foreach(list, i, item)
	{
		struct bud_place element = {&member, NULL, i};
		const char *word = json_string_value(item);
		enum bud_action action = word ? bud_action_of(bud_span(word)) : BUD_ACTIONS;
		if (action == BUD_ACTIONS)
			return fault(reading, &element,
				"must be \"publish\", \"subscribe\" or \"read\"");
		rule->actions |= 1u << action;
	}
	return 0;
}

static int read_lists(const struct reading *reading, const struct bud_place *place, json_t *object,
	struct bud_policy_rule *rule)
{
	const struct {
		const char *name;
		enum list_kind kind;
		struct bud_patterns *out;
	} lists[] = {
		{"who", LIST_PATTERNS, &rule->who},
		{"resources", LIST_OPTIONAL, &rule->resources},
		{"types", LIST_OPTIONAL, &rule->types},
		{"subjects", LIST_OPTIONAL, &rule->subjects},
		{"scopes", LIST_PLAIN, &rule->scopes},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct bud_place member = {place, lists[i].name, 0};
		r = read_list(reading, &member, json_object_get(object, lists[i].name),
			lists[i].kind, lists[i].out);
	}
	if (r == 0 && rule->who.n == 0)
		return fault(reading, place,
			"needs \"who\": a list of identities; [\"*\"] means everybody");
	if (r == 0 && rule->is_deny && rule->scopes.n > 0)
		return fault(reading, &(struct bud_place){place, "scopes", 0},
			"a rule that denies has no scopes: a delivery comes without a token");
	return r;
}

static int read_rest(const struct reading *reading, const struct bud_place *place, json_t *object,
	struct bud_policy_rule *rule)
{
	struct bud_place parties = {place, "own_parties", 0};
	struct bud_place name = {place, "name", 0};
	json_t *own_parties = json_object_get(object, "own_parties");
	json_t *named = json_object_get(object, "name");
	int r;

	if (own_parties && !json_is_boolean(own_parties))
		return fault(reading, &parties, "must be true or false");
	rule->own_parties = json_is_true(own_parties);
	if (named) {
		r = check_text(reading, &name, named);
		if (r < 0)
			return r;
		rule->name = bud_strdup(json_string_value(named));
	} else {
		bud_auto(buffer) struct bud_buffer text = {0};
		bud_place_write(place, &text);
		rule->name = bud_strdup(text.at);
	}
	return check_comment(reading, place, object);
}

static int read_rule(const struct reading *reading, const struct bud_place *place, json_t *object)
{
	static const char *const known[] = {"name", "effect", "who", "actions", "resources",
		"types", "subjects", "own_parties", "scopes", "comment", NULL};
	struct bud_policy_rule *rule = &reading->policy->rules[reading->policy->rules_n];
	int r = check_members(reading, place, object, known);

	if (r < 0)
		return r;
	reading->policy->rules_n++; /* what is filled so far is the policy's to free */
	r = read_effect(reading, place, object, rule);
	if (r == 0)
		r = read_actions(reading, place, object, rule);
	if (r == 0)
		r = read_lists(reading, place, object, rule);
	return r == 0 ? read_rest(reading, place, object, rule) : r;
}

/* parties */

static int read_party(const struct reading *reading, const struct bud_place *place, json_t *object)
{
	static const char *const known[] = {"who", "for", "comment", NULL};
	struct bud_place who = {place, "who", 0};
	struct bud_place parties = {place, "for", 0};
	json_t *named = json_object_get(object, "who");
	struct bud_patterns list = {0};
	int r = check_members(reading, place, object, known);

	if (r == 0 && (!named || !json_object_get(object, "for")))
		r = fault(reading, place, "needs \"who\", an identity, and \"for\", its parties");
	if (r == 0)
		r = check_text(reading, &who, named);
	if (r == 0 && !bud_pattern_is_plain(json_string_value(named)))
		r = fault(reading, &who, "must be named in full, without *");
	if (r == 0)
		r = check_comment(reading, place, object);
	if (r == 0)
		r = read_list(reading, &parties, json_object_get(object, "for"), LIST_PLAIN, &list);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		bud_policy_add_party(reading->policy, json_string_value(named), list.at[i]);
	bud_patterns_finish(&list);
	return r;
}

/* quotas */

static int read_amount(const struct reading *reading, const struct bud_place *place,
	const json_t *value, int64_t *out_amount)
{
	*out_amount = -1;
	if (!value)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
		json_integer_value(value) > AMOUNT_MAX)
		return fault(reading, place, "must be a number from 0, which is no bound, on");
	*out_amount = json_integer_value(value);
	return 0;
}

static int read_amounts(const struct reading *reading, const struct bud_place *place,
	const json_t *object, struct bud_quotas *quotas)
{
	const struct {
		const char *name;
		int64_t *out;
	} amounts[] = {
		{"subscriptions", &quotas->subscriptions},
		{"parked_bytes", &quotas->parked_bytes},
		{"publish_per_s", &quotas->publish_per_s},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(amounts) / sizeof(amounts[0]); i++) {
		struct bud_place member = {place, amounts[i].name, 0};
		r = read_amount(
			reading, &member, json_object_get(object, amounts[i].name), amounts[i].out);
	}
	return r;
}

static int read_quota(const struct reading *reading, const struct bud_place *place, json_t *object)
{
	static const char *const known[] = {
		"who", "subscriptions", "parked_bytes", "publish_per_s", "comment", NULL};
	struct bud_policy *policy = reading->policy;
	struct bud_policy_quota *quota = &policy->quotas[policy->quotas_n];
	struct bud_place who = {place, "who", 0};
	const json_t *named = json_object_get(object, "who");
	int r = check_members(reading, place, object, known);

	if (r == 0 && !named)
		r = fault(reading, place, "needs \"who\", an identity");
	if (r == 0)
		r = check_text(reading, &who, named);
	if (r == 0 && !bud_pattern_is_plain(json_string_value(named)))
		r = fault(reading, &who, "must be named in full, without *");
	for (size_t i = 0; r == 0 && i < policy->quotas_n; i++)
		if (strcmp(policy->quotas[i].who, json_string_value(named)) == 0)
			r = fault(reading, &who, "stands there twice");
	if (r == 0)
		r = check_comment(reading, place, object);
	if (r == 0)
		r = read_amounts(reading, place, object, &quota->quotas);
	if (r < 0)
		return r;
	quota->quotas.instance_reads_per_s = -1;
	quota->who = bud_strdup(json_string_value(named));
	policy->quotas_n++;
	return 0;
}

typedef int (*read_fn)(
	const struct reading *reading, const struct bud_place *place, json_t *object);

static int read_array(const struct reading *reading, const char *name, json_t *list, read_fn read)
{
	struct bud_place place = {NULL, name, 0};
	size_t i;
	json_t *item;

	if (list && !json_is_array(list))
		return fault(reading, &place, "must be a list of objects, [{…}]");
	json_array_foreach(list, i, item)
	{
		struct bud_place element = {&place, NULL, i};
		int r = read(reading, &element, item);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_all(const struct reading *reading, json_t *root)
{
	static const char *const known[] = {
		"resources", "rules", "parties", "quotas", "comment", NULL};
	struct bud_place rules = {NULL, "rules", 0};
	struct bud_place quotas = {NULL, "quotas", 0};
	json_t *quotas_list = json_object_get(root, "quotas");
	json_t *owners_list = json_object_get(root, "resources");
	json_t *rules_list = json_object_get(root, "rules");
	struct bud_policy *policy = reading->policy;
	int r = check_members(reading, NULL, root, known);

	if (r == 0)
		r = check_comment(reading, NULL, root);
	if (r == 0 && json_array_size(rules_list) > BUD_POLICY_RULES_MAX)
		r = fault(reading, &rules, "must be at most %u", BUD_POLICY_RULES_MAX);
	if (r == 0 && json_array_size(quotas_list) > BUD_POLICY_RULES_MAX)
		r = fault(reading, &quotas, "must be at most %u", BUD_POLICY_RULES_MAX);
	if (r < 0)
		return r;
	policy->owners =
		bud_alloc_zero((json_array_size(owners_list) + 1) * sizeof(*policy->owners));
	policy->rules = bud_alloc_zero((json_array_size(rules_list) + 1) * sizeof(*policy->rules));
	policy->quotas =
		bud_alloc_zero((json_array_size(quotas_list) + 1) * sizeof(*policy->quotas));
	r = read_array(reading, "resources", owners_list, read_owner);
	if (r == 0)
		r = sort_owners(reading);
	if (r == 0)
		r = read_array(reading, "rules", rules_list, read_rule);
	if (r == 0)
		r = read_array(reading, "parties", json_object_get(root, "parties"), read_party);
	return r == 0 ? read_array(reading, "quotas", quotas_list, read_quota) : r;
}

int bud_policy_parse(struct bud_span json, struct bud_policy **out_policy, struct bud_error *error)
{
	struct reading reading = {json, error, NULL};
	json_error_t wrong;
	json_t *root;
	int r;

	if (json.len > BUD_POLICY_BYTES_MAX)
		return bud_error_set(
			error, NULL, "must be at most %u MiB", BUD_POLICY_BYTES_MAX >> 20);
	root = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, &wrong);
	if (!root)
		return bud_error_set(error, NULL, "line %d: %s", wrong.line, wrong.text);
	reading.policy = bud_new(struct bud_policy);
	r = read_all(&reading, root);
	json_decref(root);
	if (r < 0) {
		bud_policy_destroy(reading.policy);
		return r;
	}
	bud_policy_index(reading.policy);
	*out_policy = reading.policy;
	return 0;
}

int bud_policy_load(const char *path, struct bud_policy **out_policy, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error wrong = {0};
	int r = bud_file_read(path, BUD_POLICY_BYTES_MAX, &text);

	if (r < 0)
		bud_error_set(error, NULL, "%s: %s", path, strerror(-r));
	else
		r = bud_policy_parse(bud_buffer_as_span(&text), out_policy, &wrong);
	if (r < 0 && wrong.text[0])
		bud_error_set(error, wrong.member, "%s: %s", path, wrong.text);
	return r;
}
