/* Scope rules. */
#include "auth/scope_rules.h"

#include <stdlib.h>

#include "auth/identity.h"

void bud_scope_rules_set(struct bud_scope_rules *rules, enum bud_need need, const char *scopes)
{
	struct bud_texts *texts = &rules->needs[need];

	while (*scopes) {
		size_t len;
		scopes += strspn(scopes, ", ");
		len = strcspn(scopes, ", ");
		if (len == 0)
			break;
		texts->at = bud_realloc(texts->at, (texts->n + 1) * sizeof(*texts->at));
		texts->at[texts->n++] = bud_strndup(scopes, len);
		scopes += len;
	}
}

void bud_scope_rules_finish(struct bud_scope_rules *rules)
{
	for (int need = 0; need < BUD_NEEDS; need++) {
		for (size_t i = 0; i < rules->needs[need].n; i++)
			free(rules->needs[need].at[i]);
		free(rules->needs[need].at);
	}
	*rules = (struct bud_scope_rules){0};
}

void bud_scope_rules_apply(const struct bud_scope_rules *rules, struct bud_identity *identity)
{
	identity->needs = 0;
	for (int need = 0; need < BUD_NEEDS; need++)
		for (size_t i = 0; i < rules->needs[need].n; i++)
			if (bud_identity_has_scope(identity, rules->needs[need].at[i]))
				identity->needs |= 1u << need;
}

const char *bud_scope_rules_example(const struct bud_scope_rules *rules, enum bud_need need)
{
	return rules->needs[need].n > 0 ? rules->needs[need].at[0] : "";
}
