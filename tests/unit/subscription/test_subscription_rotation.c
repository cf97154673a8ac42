/* Rotations: the old secret goes on signing for the overlap and no longer; at most three do; all
 * else stays as it was, over the store, too. */
#include "subscription/make.h"

#include <errno.h>

#include "subscription/push_config.h"
#include "subscription/rotation.h"

#define SECRET "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define OTHER  "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"

static struct bud_subscription *rotate(
	const struct bud_subscription *old, const char *secret, int64_t overlap_ms, int64_t now_ms)
{
	struct bud_subscription_defaults defaults = make_defaults;
	struct bud_rotation rotation = {.overlap_ms = overlap_ms};
	struct bud_subscription *made = NULL;
	struct bud_error error = {0};

	if (secret)
		rotation.secret = bud_span(secret);
	defaults.now_ms = now_ms;
	if (bud_subscription_rotate(old, &rotation, &defaults, &made, &error) < 0)
		fail_msg("%s", error.text);
	return made;
}

static void the_old_one_signs_for_the_overlap(void **state)
{
	struct bud_subscription *old = make_subscription("s1", 7,
		",'name':'n','config':{'timeout_ms':200,'signing':{'secret':'" SECRET "'}}");
	struct bud_subscription *made = rotate(old, OTHER, 5000, NOW_MS);

	(void)state;
	assert_string_equal(made->secret, OTHER);
	assert_int_equal(made->config->previous_n, 1);
	assert_string_equal(made->config->previous[0].secret, SECRET);
	assert_int_equal(made->config->previous[0].until_ms, NOW_MS + 5000);
	assert_string_equal(made->id, "s1");
	assert_int_equal(made->serial, 7);
	assert_string_equal(made->name, "n");
	assert_int_equal(made->timeout_ms, 200);
	assert_true(made->timeout_is_given);
	assert_string_not_equal(made->etag, old->etag);
	assert_int_equal(strlen(made->etag), 16);
	bud_subscription_destroy(made);
	bud_subscription_destroy(old);
}

static void at_most_three_old_ones_sign(void **state)
{
	struct bud_subscription *now = make_subscription("s1", 1, "");
	char first[100];

	(void)state;
	snprintf(first, sizeof(first), "%s", now->secret);
	for (int i = 0; i < 4; i++) {
		struct bud_subscription *next = rotate(now, NULL, 5000, NOW_MS + i);
		assert_string_equal(next->config->previous[0].secret, now->secret);
		assert_int_equal(next->config->previous_n, i < 3 ? i + 1 : 3);
		bud_subscription_destroy(now);
		now = next;
	}
	for (size_t i = 0; i < 3; i++)
		assert_string_not_equal(now->config->previous[i].secret, first);
	bud_subscription_destroy(now);
}

static void those_past_their_time_go(void **state)
{
	struct bud_subscription *first = make_subscription("s1", 1, "");
	struct bud_subscription *second = rotate(first, NULL, 5000, NOW_MS);
	struct bud_subscription *third = rotate(second, NULL, 9000, NOW_MS + 4999);
	struct bud_subscription *fourth = rotate(third, NULL, 5000, NOW_MS + 5000);
	struct bud_subscription *fifth = rotate(fourth, NULL, 0, NOW_MS + 5001);

	(void)state;
	assert_int_equal(third->config->previous_n, 2);
	assert_int_equal(fourth->config->previous_n, 2);
	assert_string_equal(fourth->config->previous[0].secret, third->secret);
	assert_string_equal(fourth->config->previous[1].secret, second->secret);
	assert_int_equal(fifth->config->previous_n, 0);
	assert_string_not_equal(fifth->secret, fourth->secret);
	bud_subscription_destroy(first);
	bud_subscription_destroy(second);
	bud_subscription_destroy(third);
	bud_subscription_destroy(fourth);
	bud_subscription_destroy(fifth);
}

static void old_ones_are_stored_and_never_shown(void **state)
{
	struct bud_subscription *first =
		make_subscription("s1", 1, ",'config':{'signing':{'secret':'" SECRET "'}}");
	struct bud_subscription *second = rotate(first, NULL, 5000, NOW_MS);
	struct bud_subscription *loaded = NULL;
	struct bud_subscription *changed = NULL;
	struct bud_buffer text = {0};
	struct bud_error error;

	(void)state;
	bud_subscription_write_record(second, &text);
	assert_int_equal(
		bud_subscription_load(bud_buffer_as_span(&text), &make_defaults, &loaded, &error),
		0);
	assert_string_equal(loaded->config->previous[0].secret, SECRET);
	assert_int_equal(loaded->config->previous[0].until_ms, NOW_MS + 5000);
	bud_buffer_clear(&text);
	bud_subscription_write_api(second, BUD_SUBSCRIPTION_SECRET_SHOWN, 0, &text);
	assert_null(strstr(text.at, SECRET));
	/* A change keeps them, unless it sets a secret at once. */
	assert_int_equal(bud_subscription_patch(second, bud_span("{\"name\":\"n\"}"),
				 &make_defaults, &changed, &error),
		0);
	assert_string_equal(changed->config->previous[0].secret, SECRET);
	bud_subscription_destroy(changed);
	assert_int_equal(bud_subscription_patch(second,
				 bud_span("{\"config\":{\"signing\":{\"secret\":\"" OTHER "\"}}}"),
				 &make_defaults, &changed, &error),
		0);
	assert_int_equal(changed->config->previous_n, 0);
	bud_subscription_destroy(changed);
	bud_buffer_finish(&text);
	bud_subscription_destroy(first);
	bud_subscription_destroy(second);
	bud_subscription_destroy(loaded);
}

static void refuses_what_is_no_other_secret(void **state)
{
	struct bud_subscription *old =
		make_subscription("s1", 1, ",'config':{'signing':{'secret':'" SECRET "'}}");
	struct bud_rotation rotation = {.secret = bud_span(SECRET), .overlap_ms = 1};
	struct bud_subscription *made = NULL;
	struct bud_error error;

	(void)state;
	assert_int_equal(
		bud_subscription_rotate(old, &rotation, &make_defaults, &made, &error), -EINVAL);
	assert_string_equal(error.member, "secret");
	rotation.secret = bud_span("whsec_c2hvcnQ=");
	assert_int_equal(
		bud_subscription_rotate(old, &rotation, &make_defaults, &made, &error), -EINVAL);
	assert_null(strstr(error.text, "c2hvcnQ"));
	assert_null(made);
	bud_subscription_destroy(old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_old_one_signs_for_the_overlap),
		cmocka_unit_test(at_most_three_old_ones_sign),
		cmocka_unit_test(those_past_their_time_go),
		cmocka_unit_test(old_ones_are_stored_and_never_shown),
		cmocka_unit_test(refuses_what_is_no_other_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
