/* Policies: what is asked of them. Rules are found by the identity's name; those that have a
 * pattern for it are tried one by one. */
#include "auth/policy.h"

#include <stdlib.h>

#include "auth/identity.h"
#include "auth/policy_rules.h"

static void finish_rule(struct bud_policy_rule *rule)
{
	free(rule->name);
	bud_patterns_finish(&rule->who);
	bud_patterns_finish(&rule->resources);
	bud_patterns_finish(&rule->types);
	bud_patterns_finish(&rule->subjects);
	bud_patterns_finish(&rule->scopes);
}

void bud_policy_destroy(struct bud_policy *policy)
{
	struct bud_policy_parties *parties;
	struct bud_policy_named *named;
	size_t position = 0;

	if (!policy)
		return;
	while ((named = bud_map_next(&policy->named, &position))) {
		free(named->who);
		free(named->rules);
		free(named);
	}
	position = 0;
	while ((parties = bud_map_next(&policy->parties, &position))) {
		free(parties->who);
		bud_map_finish(&parties->set);
		bud_patterns_finish(&parties->parties);
		free(parties);
	}
	for (size_t i = 0; i < policy->owners_n; i++) {
		free(policy->owners[i].pattern);
		free(policy->owners[i].owner);
	}
	for (size_t i = 0; i < policy->rules_n; i++)
		finish_rule(&policy->rules[i]);
	bud_map_finish(&policy->named);
	bud_map_finish(&policy->parties);
	bud_map_finish(&policy->plain_owners);
	for (size_t i = 0; i < policy->quotas_n; i++)
		free(policy->quotas[i].who);
	free(policy->quotas);
	free(policy->owners);
	free(policy->rules);
	free(policy->others);
	free(policy);
}

/* Making the maps */

static void add_rule(uint32_t **rules, size_t *n, size_t rule)
{
	if (*n > 0 && (*rules)[*n - 1] == rule)
		return; /* a rule that names somebody twice */
	if ((*n & (*n - 1)) == 0)
		*rules = bud_realloc(*rules, (*n ? 2 * *n : 1) * sizeof(**rules));
	(*rules)[(*n)++] = (uint32_t)rule;
}

static void name(struct bud_policy *policy, const char *who, size_t rule)
{
	struct bud_policy_named *named = bud_map_get(&policy->named, bud_span(who));

	if (!named) {
		named = bud_new(struct bud_policy_named);
		named->who = bud_strdup(who);
		bud_map_put(&policy->named, bud_span(named->who), named);
	}
	add_rule(&named->rules, &named->n, rule);
}

void bud_policy_index(struct bud_policy *policy)
{
	for (size_t i = 0; i < policy->owners_n; i++)
		if (bud_pattern_is_plain(policy->owners[i].pattern))
			bud_map_put(&policy->plain_owners, bud_span(policy->owners[i].pattern),
				&policy->owners[i]);
	for (size_t i = 0; i < policy->rules_n; i++) {
		const struct bud_patterns *who = &policy->rules[i].who;
		for (size_t k = 0; k < who->n; k++) {
			if (bud_pattern_is_plain(who->at[k]))
				name(policy, who->at[k], i);
			else
				add_rule(&policy->others, &policy->others_n, i);
		}
	}
}

void bud_policy_add_party(struct bud_policy *policy, const char *who, const char *party)
{
	struct bud_policy_parties *parties = bud_map_get(&policy->parties, bud_span(who));
	char *added;

	if (!parties) {
		parties = bud_new(struct bud_policy_parties);
		parties->who = bud_strdup(who);
		bud_map_put(&policy->parties, bud_span(parties->who), parties);
	}
	if (bud_map_get(&parties->set, bud_span(party)))
		return;
	bud_patterns_add(&parties->parties, party);
	added = parties->parties.at[parties->parties.n - 1];
	bud_map_put(&parties->set, bud_span(added), added);
}

/* Asking */

const struct bud_policy_owner *bud_policy_owner_of(
	const struct bud_policy *policy, struct bud_span resource)
{
	const struct bud_policy_owner *best = NULL;

	if (!policy || resource.len == 0)
		return NULL;
	best = bud_map_get(&policy->plain_owners, resource);
	for (size_t i = 0; !best && i < policy->owners_n; i++)
		if (bud_pattern_match(policy->owners[i].pattern, resource))
			best = &policy->owners[i]; /* they stand longest first */
	return best;
}

const struct bud_policy_quota *bud_policy_quotas(const struct bud_policy *policy, size_t *out_n)
{
	*out_n = policy->quotas_n;
	return policy->quotas;
}

bool bud_policy_acts_for(
	const struct bud_policy *policy, struct bud_span who, struct bud_span party)
{
	const struct bud_policy_parties *parties = bud_map_get(&policy->parties, who);

	return parties && bud_map_get(&parties->set, party);
}

/* What is not known yet may be anything: enough to permit, not enough to deny. */
static bool may_match(const struct bud_policy_rule *rule, const struct bud_patterns *patterns,
	struct bud_span text)
{
	if (!text.at)
		return !rule->is_deny || patterns->n == 0;
	return bud_patterns_match(patterns, text);
}

static bool concerns(const struct bud_policy *policy, const struct bud_policy_rule *rule,
	const struct bud_question *question)
{
	if (!(rule->actions & 1u << question->action) ||
		!may_match(rule, &rule->resources, question->resource) ||
		!may_match(rule, &rule->types, question->type) ||
		!may_match(rule, &rule->subjects, question->subject))
		return false;
	if (!rule->own_parties)
		return true;
	if (!question->subject.at)
		return !rule->is_deny && bud_map_get(&policy->parties, question->who);
	return bud_policy_acts_for(policy, question->who, question->subject);
}

static const char *missing_scope(
	const struct bud_policy_rule *rule, const struct bud_identity *identity)
{
	for (size_t i = 0; identity && i < rule->scopes.n; i++)
		if (!bud_identity_has_scope(identity, rule->scopes.at[i]))
			return rule->scopes.at[i];
	return NULL;
}

/* It permits whatever is not known yet. */
static bool is_sure(const struct bud_policy_rule *rule, const struct bud_question *question)
{
	return (question->resource.at || rule->resources.n == 0) &&
	       (question->type.at || rule->types.n == 0) &&
	       (question->subject.at || (rule->subjects.n == 0 && !rule->own_parties));
}

static void weigh(const struct bud_policy *policy, const struct bud_policy_rule *rule,
	const struct bud_question *question, struct bud_policy_answer *answer)
{
	const char *scope;

	if (!concerns(policy, rule, question))
		return;
	scope = missing_scope(rule, question->identity);
	if (rule->is_deny) {
		if (!scope && (!answer->denied || rule < answer->denied))
			answer->denied = rule;
	} else if (!scope) {
		answer->is_sure = answer->is_sure || is_sure(rule, question);
		if (!answer->permitted || rule < answer->permitted)
			answer->permitted = rule;
	} else if (!answer->lacking || rule < answer->lacking) {
		answer->lacking = rule;
		answer->scope = scope;
	}
}

void bud_policy_ask(const struct bud_policy *policy, const struct bud_question *question,
	struct bud_policy_answer *out_answer)
{
	const struct bud_policy_named *named = bud_map_get(&policy->named, question->who);

	*out_answer = (struct bud_policy_answer){0};
	for (size_t i = 0; named && i < named->n; i++)
		weigh(policy, &policy->rules[named->rules[i]], question, out_answer);
	for (size_t i = 0; i < policy->others_n; i++) {
		const struct bud_policy_rule *rule = &policy->rules[policy->others[i]];
		if (bud_patterns_match(&rule->who, question->who))
			weigh(policy, rule, question, out_answer);
	}
}
