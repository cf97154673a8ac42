/* Scope rules: which scopes meet which need. Read once from the settings; threads may share them.
 */
#pragma once
#include "auth/issuers.h"
#include "auth/need.h"

struct bud_identity; /* auth/identity.h */

struct bud_scope_rules {
	struct bud_texts needs[BUD_NEEDS]; /* empty for those that are not met by scopes */
};

/* Scopes with commas or spaces between. `rules` starts as {0}. */
void bud_scope_rules_set(struct bud_scope_rules *rules, enum bud_need need, const char *scopes);
void bud_scope_rules_finish(struct bud_scope_rules *rules);
/* Works out identity->needs from its scopes. */
void bud_scope_rules_apply(const struct bud_scope_rules *rules, struct bud_identity *identity);
/* The scope to name when one is missing; "" when none would do. */
const char *bud_scope_rules_example(const struct bud_scope_rules *rules, enum bud_need need);
