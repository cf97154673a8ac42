/* The Content-Type alone decides the mode; CloudEvents we cannot read are never taken for binary.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "event/mode.h"

static void decides(void **state)
{
	static const struct {
		const char *content_type;
		enum bud_mode mode;
	} cases[] = {
		{"", BUD_MODE_BINARY},
		{"application/json", BUD_MODE_BINARY},
		{"text/plain; charset=latin1", BUD_MODE_BINARY},
		{"application/cloudevent", BUD_MODE_BINARY},
		{"x-application/cloudevents+json", BUD_MODE_BINARY},
		{"application/cloudevents+json", BUD_MODE_STRUCTURED},
		{" Application/CloudEvents+JSON ; Charset=\"UTF-8\"", BUD_MODE_STRUCTURED},
		{"application/cloudevents+json; charset=utf-8", BUD_MODE_STRUCTURED},
		{"application/cloudevents-batch+json", BUD_MODE_BATCH},
		{"APPLICATION/CLOUDEVENTS-BATCH+JSON;charset=utf-8", BUD_MODE_BATCH},
		{"application/cloudevents", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents+avro", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents+jsonx", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents+json/x", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents+json; charset=utf-16", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents+json; charset", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents-batch", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents-batch+protobuf", BUD_MODE_UNSUPPORTED},
		{"application/cloudevents-batch+json; charset=latin1", BUD_MODE_UNSUPPORTED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (bud_mode_of(bud_span(cases[i].content_type)) != cases[i].mode)
			fail_msg("wrong mode: %s", cases[i].content_type);
	assert_int_equal(bud_mode_of((struct bud_span){NULL, 0}), BUD_MODE_BINARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
