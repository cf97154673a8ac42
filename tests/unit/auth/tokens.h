/* What tests of tokens share: issuers of each kind with real keys, and what they trust. */
#pragma once
#include <stdint.h>
#include "auth/identity.h"
#include "auth/scope_rules.h"
#include "auth/token.h"
#include "auth/trust.h"
#include "issuer.h"

#define NOW_S   1800000000
#define NOW_MS  (NOW_S * INT64_C(1000))
#define GOOD_IN "\"exp\":1800000060"
#define TTD     "\"iss\":\"https://a.example/\"," GOOD_IN
#define USER    TTD ",\"urn:altinn:userid\":1337"

enum { KEY_A, KEY_B, KEY_P256, KEY_PSS, KEY_DIALOG, KEY_PLATFORM, KEYS };
#define AT  "{\"alg\":\"RS256\",\"kid\":\"b\",\"typ\":\"at+jwt\"}"
#define SUB "{\"iss\":\"https://b.example/\",\"aud\":\"us\",\"scope\":\"s\"," GOOD_IN

extern struct test_key *tokens_keys[KEYS];
extern struct bud_issuers *tokens_issuers;
extern const struct bud_trust_set *tokens_set; /* may be changed for a while */

/* For cmocka, around a group. */
int tokens_start(void **state);
int tokens_finish(void **state);

/* At NOW_MS. */
enum bud_token_outcome tokens_check_use(struct bud_span token, enum bud_issuer_use use,
	struct bud_token_answer *out_answer, struct bud_error *error);
enum bud_token_outcome tokens_check(
	struct bud_span token, struct bud_token_answer *out_answer, struct bud_error *error);
/* Good, or the test fails; the caller unrefs. */
struct bud_identity *tokens_identify(int key, const char *header, const char *payload);
/* Not good, and its error has `why` in it, or the test fails. */
void tokens_refuse(int key, const char *header, const char *payload, const char *why);
