/* What is written beside a record comes back as it was, the API shows what people need and no
 * secret, and what cannot be read stops the pushes instead of letting them pass. */
#include "make.h"

#include <errno.h>

#include "subscription/push_config.h"
#include "subscription/status.h"

static void comes_back_as_it_was(void **state)
{
	struct bud_subscription_status status = {
		.state = BUD_SUBSCRIPTION_DISABLED,
		.since_ms = NOW_MS,
		.reason = bud_strdup("gone"),
		.detail = bud_strdup("the receiver answered \"410\"\n"),
		.granted_ms = NOW_MS - 1,
		.rate_per_min = 30,
		.callback_key = bud_strdup("key"),
		.access_token = bud_strdup("token"),
		.token_since_ms = NOW_MS - 2,
		.token_expires_ms = NOW_MS + 1,
		.refresh_token = bud_strdup("newer"),
	};
	struct bud_subscription_status read;
	struct bud_subscription_status copy;
	bud_auto(buffer) struct bud_buffer text = {0};
	bud_auto(buffer) struct bud_buffer again = {0};
	struct bud_error error;

	(void)state;
	bud_status_write(&status, &text);
	assert_null(memchr(text.at, '\n', text.len));
	assert_int_equal(bud_status_parse(bud_buffer_as_span(&text), &read, &error), 0);
	bud_status_copy(&read, &copy);
	bud_status_finish(&read);
	bud_status_write(&copy, &again);
	assert_string_equal(again.at, text.at);
	assert_int_equal(copy.state, BUD_SUBSCRIPTION_DISABLED);
	assert_int_equal(copy.granted_ms, NOW_MS - 1);
	assert_int_equal(copy.token_since_ms, NOW_MS - 2);
	bud_status_finish(&copy);
	bud_status_finish(&status);
}

static void nothing_is_written_of_one_that_nothing_happened_to(void **state)
{
	struct bud_subscription_status status;
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_error error;

	(void)state;
	assert_int_equal(bud_status_parse(bud_span(""), &status, &error), 0);
	assert_int_equal(status.state, BUD_SUBSCRIPTION_ACTIVE);
	bud_status_write(&status, &text);
	assert_int_equal(text.len, 0);
}

static void the_api_shows_no_secret(void **state)
{
	struct bud_subscription subscription = {.config = &bud_push_config_default,
		.status = {.state = BUD_SUBSCRIPTION_PENDING,
			.since_ms = NOW_MS,
			.reason = (char[]){"consent"},
			.callback_key = (char[]){"key"},
			.access_token = (char[]){"token"}}};
	bud_auto(buffer) struct bud_buffer text = {0};

	(void)state;
	bud_status_write_api(&subscription, NOW_MS, &text);
	assert_string_equal(text.at,
		"{\"state\":\"pending\",\"since\":\"2023-11-14T22:13:20.000Z\","
		"\"reason\":\"consent\"}");
}

/* It is active still, and gets nothing: so it says why, unless there is something graver to say. */
static void one_that_has_expired_says_so(void **state)
{
	struct bud_subscription subscription = {
		.config = &bud_push_config_default, .expires_ms = NOW_MS};
	bud_auto(buffer) struct bud_buffer text = {0};

	(void)state;
	bud_status_write_api(&subscription, NOW_MS - 1, &text);
	assert_string_equal(text.at, "{\"state\":\"active\"}");
	bud_buffer_clear(&text);
	bud_status_write_api(&subscription, NOW_MS, &text);
	assert_non_null(
		strstr(text.at, "{\"state\":\"active\",\"reason\":\"expired\",\"detail\":\""));
	bud_buffer_clear(&text);
	subscription.status.reason = (char[]){"owner"};
	bud_status_write_api(&subscription, NOW_MS, &text);
	assert_string_equal(text.at, "{\"state\":\"active\",\"reason\":\"owner\"}");
}

static void what_cannot_be_read_is_disabled(void **state)
{
	static const char *const bad[] = {"{", "[]", "{}", "{\"state\":\"odd\"}"};
	struct bud_subscription *made = make_subscription("s1", 1, "");
	struct bud_subscription_status status;
	struct bud_error error;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(bud_status_parse(bud_span(bad[i]), &status, &error), -EINVAL);
	bud_subscription_set_beside(made,
		&(struct bud_subscription_beside){7, bud_span("e7"), bud_span("{\"state\":1}")});
	assert_int_equal(made->serial, 7);
	assert_string_equal(made->etag, "e7");
	assert_int_equal(made->status.state, BUD_SUBSCRIPTION_DISABLED);
	bud_subscription_destroy(made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(nothing_is_written_of_one_that_nothing_happened_to),
		cmocka_unit_test(the_api_shows_no_secret),
		cmocka_unit_test(one_that_has_expired_says_so),
		cmocka_unit_test(what_cannot_be_read_is_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
