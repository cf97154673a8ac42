/* A notice is a CloudEvent that our own checks accept, says what happened and to whom, never has
 * the same id twice unless it is given one, and its type is known as ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>

#include "core/error.h"
#include "event/envelope.h"
#include "event/notice.h"

static const struct bud_notice disabled = {
	.kind = BUD_NOTICE_DISABLED,
	.subscription = "s1",
	.owner = "local",
	.name = "a \"name\"\n",
	.reason = "failing",
	.detail = "nothing but failures for 5 days",
	.since_ms = 1700000000000,
	.now_ms = 1700000001000,
};

static json_t *written(const struct bud_notice *notice, struct bud_buffer *out)
{
	struct bud_envelope envelope;
	struct bud_error error;

	bud_buffer_clear(out);
	bud_notice_write(notice, out);
	bud_envelope_init(&envelope);
	if (bud_envelope_scan(&envelope, bud_buffer_as_span(out), &error) < 0)
		fail_msg("%s: %s", error.text, out->at);
	assert_true(bud_notice_is_ours(envelope.type));
	bud_envelope_finish(&envelope);
	return json_loadb(out->at, out->len, 0, NULL);
}

static const char *text_of(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void tells_what_happened(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	json_auto_t *event = written(&disabled, &out);
	const json_t *data = json_object_get(event, "data");

	(void)state;
	assert_string_equal(text_of(event, "type"), "no.budstikke.subscription.disabled.v1");
	assert_string_equal(text_of(event, "source"), "/subscriptions/s1");
	assert_string_equal(text_of(event, "subject"), "s1");
	assert_string_equal(text_of(event, "time"), "2023-11-14T22:13:21.000Z");
	assert_string_equal(text_of(data, "owner"), "local");
	assert_string_equal(text_of(data, "name"), "a \"name\"\n");
	assert_string_equal(text_of(data, "reason"), "failing");
	assert_string_equal(text_of(data, "since"), "2023-11-14T22:13:20.000Z");
	assert_null(json_object_get(data, "attempts"));
}

static void tells_of_a_death(void **state)
{
	struct bud_notice dead = {
		.kind = BUD_NOTICE_DEAD,
		.id = "msg_1.dead",
		.subscription = "s1",
		.owner = "local",
		.now_ms = 1700000001000,
		.event_id = bud_span("e1"),
		.event_source = bud_span("/orders"),
		.event_type = bud_span("order.made"),
		.attempts = 11,
		.status = 500,
	};
	bud_auto(buffer) struct bud_buffer out = {0};
	json_auto_t *event = written(&dead, &out);
	const json_t *data = json_object_get(event, "data");

	(void)state;
	assert_string_equal(text_of(event, "id"), "msg_1.dead");
	assert_string_equal(text_of(event, "type"), "no.budstikke.delivery.dead.v1");
	assert_string_equal(text_of(json_object_get(data, "event"), "source"), "/orders");
	assert_int_equal(json_integer_value(json_object_get(data, "attempts")), 11);
	assert_int_equal(json_integer_value(json_object_get(data, "status")), 500);
}

static void has_an_id_of_its_own(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};
	json_auto_t *first = written(&disabled, &out);
	json_auto_t *second = written(&disabled, &out);

	(void)state;
	assert_string_not_equal(text_of(first, "id"), text_of(second, "id"));
}

static void knows_its_types(void **state)
{
	(void)state;
	assert_true(bud_notice_is_ours(bud_span("no.budstikke.delivery.dead.v1")));
	assert_true(bud_notice_is_ours(bud_span("no.budstikke.anything")));
	assert_false(bud_notice_is_ours(bud_span("no.budstikkes.order")));
	assert_false(bud_notice_is_ours(bud_span("no.budstikke")));
	assert_false(bud_notice_is_ours(bud_span("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_happened),
		cmocka_unit_test(tells_of_a_death),
		cmocka_unit_test(has_an_id_of_its_own),
		cmocka_unit_test(knows_its_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
