/* Any bytes: no scan reads outside of them, and where the full scan accepts an event the stored
 * scan finds the same and an event can be made of it. */
#include <stdint.h>
#include <stdlib.h>

#include "event/envelope.h"
#include "event/event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_equal(const struct bud_envelope *a, const struct bud_envelope *b)
{
	must(a->attributes_n == b->attributes_n && a->data_kind == b->data_kind);
	must(bud_span_equals(a->data, b->data));
	for (size_t i = 0; i < a->attributes_n; i++) {
		must(bud_span_equals(a->attributes[i].name, b->attributes[i].name));
		must(bud_span_equals(a->attributes[i].value, b->attributes[i].value));
	}
	must(bud_span_equals(a->id, b->id) && bud_span_equals(a->subject, b->subject));
}

static void check_accepted(const struct bud_envelope *full)
{
	struct bud_envelope stored;
	struct bud_event *event = bud_event_create(bud_span("local"), full->json);

	bud_envelope_init(&stored);
	must(bud_envelope_scan_stored(&stored, full->json) == 0);
	must_equal(full, &stored);
	bud_envelope_finish(&stored);
	must(event && bud_span_equals(event->bytes, full->json));
	must(bud_span_equals(event->source, full->source));
	must(event->attributes_n == full->attributes_n);
	bud_event_unref(event);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_span json = {(const char *)data, size};
	struct bud_envelope envelope;
	struct bud_error error = {0};

	bud_envelope_init(&envelope);
	if (bud_envelope_scan(&envelope, json, &error) == 0)
		check_accepted(&envelope);
	else
		must(error.text[0] != '\0');
	(void)!bud_envelope_scan_stored(&envelope, json);
	bud_envelope_finish(&envelope);
	return 0;
}
