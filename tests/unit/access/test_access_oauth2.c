/* Forms are written by RFC 6749 with nothing unescaped in them, answers are read strictly and
 * within bounds, and no secret or sentence of an answer comes into an error. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "access/oauth2.h"
#include "core/limits.h"
#include "subscription/push_config.h"

static const struct bud_credential client = {
	.type = BUD_CREDENTIAL_CLIENT,
	.identifier = (char[]){"my:client"},
	.secret = (char[]){"p w/\xc3\xa5"},
	.scope = (char[]){"a:b c"},
};

static void writes_client_credentials(void **state)
{
	bud_auto(buffer) struct bud_buffer form = {0};
	bud_auto(buffer) struct bud_buffer field = {0};

	(void)state;
	bud_oauth2_write_form(&client, NULL, &form);
	assert_string_equal(form.at, "grant_type=client_credentials&scope=a%3Ab%20c");
	assert_true(bud_oauth2_write_authorization(&client, &field));
	/* my%3Aclient:p%20w%2F%C3%A5 */
	assert_string_equal(field.at, "Authorization: Basic bXklM0FjbGllbnQ6cCUyMHclMkYlQzMlQTU=");
}

static void writes_a_refresh(void **state)
{
	const struct bud_credential credential = {.type = BUD_CREDENTIAL_REFRESHTOKEN};
	bud_auto(buffer) struct bud_buffer form = {0};
	bud_auto(buffer) struct bud_buffer field = {0};

	(void)state;
	bud_oauth2_write_form(&credential, "r&t=1+", &form);
	assert_string_equal(form.at, "grant_type=refresh_token&refresh_token=r%26t%3D1%2B");
	assert_false(bud_oauth2_write_authorization(&credential, &field));
	assert_int_equal(field.len, 0);
}

static void reads_tokens(void **state)
{
	static const struct {
		const char *body;
		const char *access;
		const char *refresh;
		int64_t life_s;
	} cases[] = {
		{"{\"access_token\":\"a.b\",\"token_type\":\"Bearer\",\"expires_in\":600}", "a.b",
			NULL, 600},
		{"{\"access_token\":\"a\",\"expires_in\":\"120\",\"refresh_token\":\"r2\"}", "a",
			"r2", 120},
		{"{\"access_token\":\"a\"}", "a", NULL, 3600},
		{"{\"access_token\":\"a\",\"expires_in\":null,\"x\":[1]}", "a", NULL, 3600},
		{"{\"access_token\":\"a\",\"expires_in\":1}", "a", NULL, 1},
		{"{\"access_token\":\"a\",\"expires_in\":\"5\"}", "a", NULL, 5},
		{"{\"access_token\":\"a\",\"expires_in\":4.9}", "a", NULL, 4},
		{"{\"access_token\":\"a\",\"expires_in\":-0.5}", "a", NULL, 0},
		{"{\"access_token\":\"a\",\"expires_in\":-5}", "a", NULL, 0},
		{"{\"access_token\":\"a\",\"expires_in\":1e300}", "a", NULL, BUD_OAUTH2_LIFE_MAX_S},
		{"{\"access_token\":\"a\",\"expires_in\":99999999999}", "a", NULL,
			BUD_OAUTH2_LIFE_MAX_S},
		{"{\"access_token\":\"a\",\"refresh_token\":\"two words\"}", "a", NULL, 3600},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_oauth2_tokens tokens = {0};
		struct bud_error error = {0};
		if (bud_oauth2_read(200, bud_span(cases[i].body), &tokens, &error) < 0)
			fail_msg("%s: %s", cases[i].body, error.text);
		assert_string_equal(tokens.access_token, cases[i].access);
		assert_int_equal(tokens.refresh_token != NULL, cases[i].refresh != NULL);
		if (cases[i].refresh)
			assert_string_equal(tokens.refresh_token, cases[i].refresh);
		assert_int_equal(tokens.life_s, cases[i].life_s);
		bud_oauth2_tokens_finish(&tokens);
	}
}

static void refuses_what_is_none(void **state)
{
	static const struct {
		int status;
		const char *body;
		const char *text;
	} cases[] = {
		{400, "{\"error\":\"invalid_grant\",\"error_description\":\"hemmelig\"}",
			"the token endpoint answered 400 (invalid_grant)"},
		{400, "{\"error\":\"a b\\nhemmelig\"}", "the token endpoint answered 400"},
		{503, "<html>hemmelig</html>", "the token endpoint answered 503"},
		{302, "", "the token endpoint answered 302"},
		{201, "{\"access_token\":\"hemmelig\"}", "the token endpoint answered 201"},
		{200, "", "the token endpoint's answer is no JSON object"},
		{200, "[\"hemmelig\"]", "the token endpoint's answer is no JSON object"},
		{200, "{\"access_token\":\"a\",\"access_token\":\"hemmelig\"}",
			"the token endpoint's answer is no JSON object"},
		{200, "{}", "the token endpoint's answer has no usable access_token"},
		{200, "{\"access_token\":\"hemme\\r\\nlig\"}",
			"the token endpoint's answer has no usable access_token"},
		{200, "{\"access_token\":\"hemmelig\",\"token_type\":\"mac\"}",
			"the token endpoint's answer has a token_type that is not bearer"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct bud_oauth2_tokens tokens = {0};
		struct bud_error error = {0};
		assert_int_equal(
			bud_oauth2_read(cases[i].status, bud_span(cases[i].body), &tokens, &error),
			-EINVAL);
		assert_string_equal(error.text, cases[i].text);
		assert_null(tokens.access_token);
	}
}

static void has_bounds(void **state)
{
	bud_auto(buffer) struct bud_buffer body = {0};
	struct bud_oauth2_tokens tokens = {0};
	struct bud_error error;

	(void)state;
	bud_buffer_text(&body, "{\"access_token\":\"");
	for (size_t i = 0; i < BUD_TOKEN_BYTES_MAX; i++)
		bud_buffer_byte(&body, 'a');
	bud_buffer_text(&body, "\"}");
	assert_int_equal(bud_oauth2_read(200, bud_buffer_as_span(&body), &tokens, &error), 0);
	assert_int_equal(strlen(tokens.access_token), BUD_TOKEN_BYTES_MAX);
	bud_oauth2_tokens_finish(&tokens);
	body.len -= 2;
	bud_buffer_text(&body, "a\"}");
	assert_int_equal(bud_oauth2_read(200, bud_buffer_as_span(&body), &tokens, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_client_credentials),
		cmocka_unit_test(writes_a_refresh),
		cmocka_unit_test(reads_tokens),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(has_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
