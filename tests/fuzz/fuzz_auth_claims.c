/* Claims: whatever a trusted issuer signs, the identity it makes has a name that is valid and no
 * person's number in it, or the token is refused. */
#include <stdint.h>
#include <stdlib.h>
#include <jansson.h>

#include "auth/claims.h"
#include "auth/identity.h"
#include "auth/issuers.h"
#include "auth/scope_rules.h"
#include "crypto/jws.h"

#define FILE_OF_ISSUERS                                                                            \
	"{\"issuers\":[{\"issuer\":\"a\",\"jwks_uri\":\"https://a/\",\"scope_lists\":true,"        \
	"\"audience\":\"us\",\"require_audience\":false},{\"issuer\":\"b\",\"jwks_uri\":"          \
	"\"https://b/\",\"identity\":[{\"claim\":\"sub\",\"prefix\":\"/app/\"},{\"claim\":"        \
	"\"/a/b\",\"prefix\":\"/c/\"}]},{\"issuer\":\"c\",\"use\":\"dialog\",\"jwks_uri\":"        \
	"\"https://c/\"},{\"issuer\":\"d/e\",\"use\":\"platform\",\"jwks_uri\":\"https://d/\"}]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check(const struct bud_claims *claims)
{
	struct bud_identity *identity = NULL;
	struct bud_error error;
	int64_t expires_ms = 0;
	const char *person = json_string_value(json_object_get(claims->jws->payload, "pid"));

	if (bud_claims_check(claims, &expires_ms, &error) == 0)
		must(expires_ms > claims->now_ms);
	if (bud_claims_identify(claims, &identity, &error) < 0)
		return;
	must(claims->issuer->use == BUD_ISSUER_DIALOG ||
		bud_identity_name_is_valid(bud_span(identity->name)));
	must(!identity->altinn.person[0] || !strstr(identity->name, person));
	bud_identity_unref(identity);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *payload = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct bud_scope_rules rules = {0};
	struct bud_issuers *issuers = NULL;
	struct bud_jws jws = {.payload = payload};
	struct bud_claims claims = {
		.jws = &jws, .rules = &rules, .person_key = bud_span("k"), .now_ms = 1};

	must(bud_issuers_parse(bud_span(FILE_OF_ISSUERS), false, &issuers, NULL) == 0);
	for (size_t i = 0; json_is_object(payload) && i < issuers->n; i++) {
		claims.issuer = &issuers->at[i];
		check(&claims);
	}
	bud_issuers_unref(issuers);
	json_decref(payload);
	return 0;
}
