/* A policy: what the operator says about who owns which resources and who may do what. Read from a
 * JSON file and never changed. All members are optional; anything unknown is refused.
 *
 *   {
 *     "resources": [{"resource": "urn:altinn:resource:app_ttd_*", "owner": "/org/ttd"}],
 *     "rules": [{
 *       "name": "tax hears of completed processes",
 *       "effect": "permit",
 *       "who": ["/org/skd"],
 *       "actions": ["subscribe", "read"],
 *       "resources": ["urn:altinn:resource:app_ttd_*"],
 *       "types": ["app.instance.process.completed"],
 *       "subjects": ["/party/5*"],
 *       "own_parties": false,
 *       "scopes": ["altinn:events.subscribe"]
 *     }],
 *     "parties": [{"who": "/systemuser/0f1e…", "for": ["/party/51326198"]}],
 *     "quotas": [{"who": "/org/ttd", "subscriptions": 1000, "parked_bytes": 0,
 *                 "publish_per_s": 500}]
 *   }
 *
 * In resources, owner apart, and in who, resources, types and subjects * stands for any run of
 * characters; an event without a resource or subject has an empty one. A list that is absent
 * matches everything, but `who` and `actions` must be there. `own_parties`: only events whose
 * subject is one of the parties that the identity may act for, by `parties`. `scopes`: the
 * identity needs all of them; not where something is denied, since a delivery has no token.
 * "effect" is "permit" or "deny"; what one rule denies no other permits, but one's own events are
 * one's own. An owner may publish, subscribe to and read its resources, and grant that to others;
 * of several patterns that match the longest counts. `quotas`: what an owner, named in full, may
 * have and do in place of what the settings say; 0: no bound. "comment" may stand beside any
 * member. */
#pragma once
#include <stdbool.h>
#include "auth/pattern.h"
#include "auth/question.h"
#include "auth/quota.h"
#include "core/alloc.h"
#include "core/error.h"

#define BUD_POLICY_BYTES_MAX   (16u << 20)
#define BUD_POLICY_RULES_MAX   10000u
#define BUD_POLICY_PATTERN_MAX 512u /* bytes of any text */

struct bud_policy; /* opaque; read-only, so any thread may ask */

/* -EINVAL: `error` names the line, the member and what would be right. */
BUD_MUST_CHECK int bud_policy_parse(
	struct bud_span json, struct bud_policy **out_policy, struct bud_error *error);
/* The same of a file, with its name in front; or the file's errno. */
BUD_MUST_CHECK int bud_policy_load(
	const char *path, struct bud_policy **out_policy, struct bud_error *error);
/* NULL is fine. */
void bud_policy_destroy(struct bud_policy *policy);

/* Who owns the resource, and by which pattern; NULL: nobody. Lent. */
struct bud_policy_owner {
	char *pattern;
	char *owner;
};
const struct bud_policy_owner *bud_policy_owner_of(
	const struct bud_policy *policy, struct bud_span resource);

struct bud_policy_rule {
	char *name; /* or "rules[2]" */
	bool is_deny;
	bool own_parties;
	unsigned actions; /* bit 1 << enum bud_action */
	struct bud_patterns who;
	struct bud_patterns resources;
	struct bud_patterns types;
	struct bud_patterns subjects;
	struct bud_patterns scopes; /* plain */
};

/* Lent by the policy. */
struct bud_policy_answer {
	const struct bud_policy_rule *denied;    /* the first that does */
	const struct bud_policy_rule *permitted; /* the first that does; denied goes before it */
	const struct bud_policy_rule *lacking;   /* the first that would, with the scope below */
	const char *scope;
	bool is_sure; /* some rule permits, whatever of the question is not known yet */
};

void bud_policy_ask(const struct bud_policy *policy, const struct bud_question *question,
	struct bud_policy_answer *out_answer);
/* Whether `who` may act for this party. */
bool bud_policy_acts_for(
	const struct bud_policy *policy, struct bud_span who, struct bud_span party);

/* An owner's own quotas; negative: as the settings say. */
struct bud_policy_quota {
	char *who;
	struct bud_quotas quotas;
};
/* All of them, lent by the policy. */
const struct bud_policy_quota *bud_policy_quotas(const struct bud_policy *policy, size_t *out_n);
