/* Filters, and an event behind the first NUL: what compiles, compiles to its equal again; an event
 * that matches has one alternative of the cover, and the other way about where the cover says all;
 * the explanation agrees. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/limits.h"
#include "core/text.h"
#include "event/event.h"
#include "event/envelope.h"
#include "event/uri.h"
#include "subscription/explain.h"
#include "subscription/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static bool literal_holds(const struct bud_literal *literal, const struct bud_event *event)
{
	const struct bud_attribute *attribute = bud_event_find(event, literal->name);

	if (!attribute)
		return false;
	if (literal->kind == BUD_LITERAL_PREFIX)
		return bud_span_starts(attribute->value, literal->value);
	if (literal->kind == BUD_LITERAL_BASE)
		return bud_uri_is_base(literal->value, attribute->value);
	return bud_span_equals(attribute->value, literal->value);
}

static bool cover_holds(const struct bud_filter *filter, const struct bud_event *event)
{
	struct bud_literal literals[BUD_COVER_LITERALS_MAX];
	size_t position = 0;
	size_t n;

	while ((n = bud_filter_cover_next(filter, &position, literals))) {
		bool holds = true;
		for (size_t i = 0; i < n; i++)
			holds = holds && literal_holds(&literals[i], event);
		if (holds)
			return true;
	}
	return false;
}

static void check_explanation(const json_t *filters, const struct bud_event *event, bool is_match)
{
	struct bud_buffer out = {0};
	struct bud_error error;
	json_t *explained;

	must(bud_explain_filters(filters, event, &out, &error) == 0);
	explained = json_loadb(out.at, out.len, 0, NULL);
	must(explained);
	must(json_is_true(json_object_get(explained, "matches")) == is_match);
	must(!json_object_get(explained, "failed") == is_match);
	json_decref(explained);
	bud_buffer_finish(&out);
}

static void check_event(
	const json_t *filters, const struct bud_filter *filter, const struct bud_event *event)
{
	bool is_match = bud_filter_match(filter, event);

	if (filter && bud_filter_cover_n(filter) > 0) {
		must(!is_match || cover_holds(filter, event));
		must(!bud_filter_is_covered(filter) || is_match == cover_holds(filter, event));
	}
	check_explanation(filters, event, is_match);
}

static struct bud_event *read_event(struct bud_span text)
{
	struct bud_envelope envelope;
	struct bud_event *event = NULL;

	bud_envelope_init(&envelope);
	if (bud_envelope_scan(&envelope, text, NULL) == 0)
		event = bud_event_create(bud_span("local"), envelope.json);
	bud_envelope_finish(&envelope);
	return event;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bud_span rest = {(const char *)data, size < BUD_API_BODY_BYTES_MAX ? size : 0};
	struct bud_span text = bud_span_take_until(&rest, '\0');
	json_t *filters = json_loadb(text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
	struct bud_filter *filter = NULL;
	struct bud_filter *again = NULL;
	struct bud_error error = {0};
	struct bud_event *event;

	if (filters && bud_filter_compile(filters, &filter, &error) == 0) {
		must(bud_filter_compile(filters, &again, &error) == 0);
		must(filter ? bud_filter_equals(filter, again) : !again);
		event = read_event(rest);
		if (event)
			check_event(filters, filter, event);
		bud_event_unref(event);
	} else {
		must(!filters || error.text[0] != '\0');
	}
	bud_filter_destroy(filter);
	bud_filter_destroy(again);
	json_decref(filters);
	return 0;
}
