/* A policy's inside, for policy_parse.c, which fills it. */
#pragma once
#include "auth/policy.h"
#include "core/map.h"

/* Rules that name an identity in full, in order. */
struct bud_policy_named {
	char *who;
	size_t n;
	uint32_t *rules;
};

/* What an identity may act for. */
struct bud_policy_parties {
	char *who;
	struct bud_map set; /* of its own texts */
	struct bud_patterns parties;
};

struct bud_policy {
	struct bud_policy_owner *owners;
	size_t owners_n;
	struct bud_map plain_owners; /* struct bud_policy_owner by resource */
	struct bud_policy_rule *rules;
	size_t rules_n;
	struct bud_map named; /* struct bud_policy_named by identity */
	uint32_t *others;     /* rules that have a pattern for who */
	size_t others_n;
	struct bud_policy_quota *quotas;
	size_t quotas_n;
	struct bud_map parties; /* struct bud_policy_parties by identity */
};

/* Everything is parsed: makes the maps. */
void bud_policy_index(struct bud_policy *policy);
/* Adds to what `who` may act for. */
void bud_policy_add_party(struct bud_policy *policy, const char *who, const char *party);
