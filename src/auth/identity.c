/* Identities. */
#include "auth/identity.h"

#include <assert.h>
#include <stdlib.h>

#include "auth/authorize.h"
#include "core/alloc.h"
#include "crypto/digest.h"

const struct bud_identity bud_identity_local = {
	.refs = 1,
	.kind = BUD_AUTHENTICATED_NOT,
	.name = (char *)BUD_OWNER_LOCAL,
	.needs = ~0u,
	.altinn = {.level = -1},
};
const struct bud_identity bud_identity_nobody = {
	.refs = 1,
	.kind = BUD_AUTHENTICATED_NOT,
	.name = (char *)"",
	.altinn = {.level = -1},
};

struct bud_identity *bud_identity_create(enum bud_authentication_kind kind, const char *name)
{
	struct bud_identity *identity = bud_new(struct bud_identity);

	identity->refs = 1;
	identity->kind = kind;
	identity->name = bud_strdup(name);
	identity->altinn.level = -1;
	return identity;
}

struct bud_identity *bud_identity_ref(struct bud_identity *identity)
{
	identity->refs++;
	return identity;
}

static void free_facts(struct bud_identity *identity)
{
	free(identity->altinn.org);
	free(identity->altinn.org_number);
	free(identity->altinn.supplier);
	free(identity->altinn.user);
	free(identity->altinn.party);
	free(identity->altinn.system_user);
	free(identity->dialog.dialog);
	free(identity->dialog.party);
	free(identity->dialog.resource);
	free(identity->dialog.actions);
}

void bud_identity_unref(struct bud_identity *identity)
{
	if (!identity)
		return;
	assert(identity->refs > 0);
	if (--identity->refs > 0)
		return;
	for (size_t i = 0; i < identity->scopes_n; i++)
		free(identity->scopes[i]);
	free(identity->scopes);
	free_facts(identity);
	free(identity->issuer);
	free(identity->name);
	free(identity);
}

void bud_identity_add_scope(struct bud_identity *identity, struct bud_span scope)
{
	if (identity->scopes_n == BUD_IDENTITY_SCOPES_MAX || scope.len == 0)
		return;
	identity->scopes =
		bud_realloc(identity->scopes, (identity->scopes_n + 1) * sizeof(*identity->scopes));
	identity->scopes[identity->scopes_n++] = bud_strndup(scope.at, scope.len);
}

bool bud_identity_has_scope(const struct bud_identity *identity, const char *scope)
{
	if (identity == &bud_identity_local)
		return true;
	for (size_t i = 0; i < identity->scopes_n; i++)
		if (strcmp(identity->scopes[i], scope) == 0)
			return true;
	return false;
}

bool bud_identity_may(const struct bud_identity *identity, enum bud_need need)
{
	switch (need) {
	case BUD_NEED_NOTHING:
		return true;
	case BUD_NEED_IDENTITY:
		return identity->kind != BUD_AUTHENTICATED_DIALOG &&
		       identity != &bud_identity_nobody;
	case BUD_NEED_PLATFORM:
		return identity == &bud_identity_local;
	case BUD_NEED_DIALOG:
		return identity->kind == BUD_AUTHENTICATED_DIALOG ||
		       identity == &bud_identity_local;
	default:
		return identity->needs >> need & 1u;
	}
}

bool bud_identity_owns(const struct bud_identity *identity, struct bud_span owner)
{
	return owner.len > 0 && bud_span_is(owner, identity->name);
}

bool bud_identity_name_is_valid(struct bud_span name)
{
	if (bud_span_is(name, BUD_OWNER_LOCAL))
		return true;
	if (name.len < 2 || name.len > BUD_IDENTITY_NAME_MAX || name.at[0] != '/' ||
		name.at[name.len - 1] == '/')
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (name.at[i] <= ' ' || name.at[i] > '~')
			return false;
	return true;
}

void bud_person_hash(struct bud_span key, struct bud_span number, char out[BUD_PERSON_BYTES])
{
	unsigned char digest[BUD_SHA256_BYTES];

	bud_digest_hmac_sha256(key, number, digest);
	bud_digest_hex(digest, (BUD_PERSON_BYTES - 1) / 2, out);
}
