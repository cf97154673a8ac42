/* The shared part of tests of tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tokens.h"

struct test_key *tokens_keys[KEYS];
struct bud_issuers *tokens_issuers;
static struct bud_trust *trust;
const struct bud_trust_set *tokens_set;
static struct bud_scope_rules rules;

static void add_issuer(struct bud_buffer *out, struct test_key *key, const char *members)
{
	bud_buffer_format(out, "%s{\"jwks\":", out->len > 12 ? "," : "");
	test_keys_write_set(&key, 1, out);
	bud_buffer_format(out, ",%s}", members);
}

int tokens_start(void **state)
{
	bud_auto(buffer) struct bud_buffer file = {0};
	struct bud_error error = {0};

	(void)state;
	tokens_keys[KEY_A] = test_key_create(BUD_JWS_RS256, "a");
	tokens_keys[KEY_B] = test_key_create(BUD_JWS_RS256, "b");
	tokens_keys[KEY_P256] = test_key_create(BUD_JWS_ES256, "p");
	tokens_keys[KEY_PSS] = test_key_create(BUD_JWS_PS256, "s");
	tokens_keys[KEY_DIALOG] = test_key_create(BUD_JWS_EDDSA, "d");
	tokens_keys[KEY_PLATFORM] = test_key_create(BUD_JWS_RS256, "t");
	bud_buffer_text(&file, "{\"issuers\":[");
	add_issuer(&file, tokens_keys[KEY_A], "\"issuer\":\"https://a.example/\"");
	add_issuer(&file, tokens_keys[KEY_B],
		"\"issuer\":\"https://b.example/\",\"audience\":[\"us\"],\"typ\":\"at+jwt\","
		"\"require_scope\":true,\"clock_skew_s\":0,\"algorithms\":[\"RS256\",\"RS512\"],"
		"\"identity\":[{\"claim\":\"sub\",\"prefix\":\"/app/\"},"
		"{\"claim\":\"/nested/client\",\"prefix\":\"/client/\"}]");
	add_issuer(&file, tokens_keys[KEY_P256],
		"\"issuer\":\"https://p.example/\",\"algorithms\":\"ES256\",\"audience\":\"us\","
		"\"require_audience\":false,\"scope_lists\":true,\"scopes\":\"events:read\"");
	add_issuer(&file, tokens_keys[KEY_PSS],
		"\"issuer\":\"https://s.example/\",\"algorithms\":\"PS256\"");
	add_issuer(&file, tokens_keys[KEY_DIALOG],
		"\"issuer\":\"https://d.example/\",\"use\":\"dialog\"");
	add_issuer(&file, tokens_keys[KEY_PLATFORM],
		"\"issuer\":\"ttd/apps-test\",\"use\":\"platform\"");
	bud_buffer_text(&file, "]}");
	if (bud_issuers_parse(bud_buffer_as_span(&file), false, &tokens_issuers, &error) < 0)
		fail_msg("%s", error.text);
	bud_scope_rules_set(&rules, BUD_NEED_PUBLISH, "events:publish altinn:events.publish");
	bud_scope_rules_set(&rules, BUD_NEED_READ, "events:read");
	trust = bud_trust_create(tokens_issuers);
	tokens_set = bud_trust_take(trust);
	return 0;
}

int tokens_finish(void **state)
{
	(void)state;
	bud_trust_set_unref(tokens_set);
	bud_trust_destroy(trust);
	bud_scope_rules_finish(&rules);
	bud_issuers_unref(tokens_issuers);
	for (int i = 0; i < KEYS; i++)
		test_key_destroy(tokens_keys[i]);
	return 0;
}

enum bud_token_outcome tokens_check_use(struct bud_span token, enum bud_issuer_use use,
	struct bud_token_answer *out_answer, struct bud_error *error)
{
	struct bud_token_question question = {
		.token = token,
		.use = use,
		.rules = &rules,
		.person_key = bud_span("secret"),
		.now_ms = NOW_MS,
	};

	return bud_token_check(tokens_set, &question, out_answer, error);
}

enum bud_token_outcome tokens_check(
	struct bud_span token, struct bud_token_answer *out_answer, struct bud_error *error)
{
	return tokens_check_use(token, BUD_ISSUER_BEARER, out_answer, error);
}

static enum bud_jws_algorithm algorithm_of(int key)
{
	return key == KEY_P256     ? BUD_JWS_ES256
	       : key == KEY_PSS    ? BUD_JWS_PS256
	       : key == KEY_DIALOG ? BUD_JWS_EDDSA
				   : BUD_JWS_RS256;
}

/* Good, or the case fails; the caller unrefs. */
struct bud_identity *tokens_identify(int key, const char *header, const char *payload)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error = {0};

	test_token_sign(tokens_keys[key], algorithm_of(key), header, payload, &token);
	if (tokens_check(bud_buffer_as_span(&token), &answer, &error) != BUD_TOKEN_GOOD)
		fail_msg("%s: %s", payload, error.text);
	return answer.identity;
}

void tokens_refuse(int key, const char *header, const char *payload, const char *why)
{
	bud_auto(buffer) struct bud_buffer token = {0};
	struct bud_token_answer answer = {.identity = NULL};
	struct bud_error error = {0};
	enum bud_token_outcome outcome;

	test_token_sign(tokens_keys[key], algorithm_of(key), header, payload, &token);
	outcome = tokens_check(bud_buffer_as_span(&token), &answer, &error);
	if (outcome == BUD_TOKEN_GOOD || !strstr(error.text, why))
		fail_msg("%s %s: %d %s", header ? header : "", payload, outcome, error.text);
	assert_null(answer.identity);
}
