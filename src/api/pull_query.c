/* The query of GET /events. */
#include "api/pull_query.h"

#include <errno.h>
#include <stdlib.h>

#include "api/page.h"
#include "core/error.h"
#include "http/percent.h"
#include "http/request.h"

#define SIZE_DEFAULT 50
#define KNOWN                                                                                      \
	"resource, subject, alternativesubject, resourceinstance, type, source, from, to, after, " \
	"size, wait_ms, format"

/* Those that fewer events share come first. */
static const enum bud_index_kind narrowest[BUD_INDEX_KINDS] = {
	BUD_INDEX_RESOURCEINSTANCE,
	BUD_INDEX_SUBJECT,
	BUD_INDEX_ALTERNATIVESUBJECT,
	BUD_INDEX_RESOURCE,
};

struct reading {
	struct bud_pull_ask *ask;
	struct bud_span values[BUD_INDEX_KINDS];
	bool has_size;
	bool has_wait;
	bool has_format;
	struct bud_error *error;
};

/* The caller has seen that there is room. */
static struct bud_span keep(struct bud_pull_ask *ask, struct bud_span value)
{
	char *text = bud_strndup(value.at ? value.at : "", value.len);

	ask->texts[ask->texts_n++] = text;
	return (struct bud_span){text, value.len};
}

static int read_once(struct reading *reading, const char *name, struct bud_span value,
	struct bud_span *out_value)
{
	if (out_value->at || value.len == 0)
		return bud_error_set(
			reading->error, name, "%s must be there once and not be empty", name);
	*out_value = keep(reading->ask, value);
	return 0;
}

static int read_pattern(struct reading *reading, const char *name, struct bud_span value,
	struct bud_read_pattern *patterns, size_t *n)
{
	if (value.len == 0 || *n == BUD_PULL_PATTERNS_MAX)
		return bud_error_set(reading->error, name,
			"%s must not be empty, and be there up to %u times", name,
			BUD_PULL_PATTERNS_MAX);
	patterns[(*n)++] = (struct bud_read_pattern){BUD_READ_PREFIX, keep(reading->ask, value)};
	return 0;
}

static int read_number(struct reading *reading, const char *name, struct bud_span value,
	uint64_t max, uint64_t *out_number)
{
	if (bud_span_number(value, max, out_number))
		return 0;
	return bud_error_set(reading->error, name, "%s must be a number up to %llu, once", name,
		(unsigned long long)max);
}

static int read_size(struct reading *reading, struct bud_span value)
{
	uint64_t size;

	if (reading->has_size || !bud_span_number(value, BUD_PAGE_MAX, &size) || size == 0)
		return bud_error_set(reading->error, "size",
			"size must be a number from 1 to %u, once", BUD_PAGE_MAX);
	reading->has_size = true;
	reading->ask->size = (size_t)size;
	return 0;
}

static int read_wait(struct reading *reading, struct bud_span value)
{
	uint64_t wait_ms;
	int r = read_number(reading, "wait_ms",
		reading->has_wait ? (struct bud_span){NULL, 0} : value, BUD_PULL_WAIT_MS_MAX,
		&wait_ms);

	if (r < 0)
		return r;
	reading->has_wait = true;
	reading->ask->wait_ms = (int64_t)wait_ms;
	return 0;
}

static int read_time(struct reading *reading, struct bud_span name, struct bud_span value)
{
	struct bud_read_filter *filter = &reading->ask->filter;
	bool is_from = bud_span_is(name, "from");

	if (is_from ? filter->from_ms != INT64_MIN : filter->to_ms != INT64_MAX)
		return bud_error_set(reading->error, name.at, "%s must be there once", name.at);
	return bud_page_time(
		name.at, value, is_from ? &filter->from_ms : &filter->to_ms, reading->error);
}

static int read_format(struct reading *reading, struct bud_span value)
{
	static const char *const words[] = {"json", "ndjson", "batch"};

	for (unsigned i = 0; i < 3 && !reading->has_format; i++)
		if (bud_span_is(value, words[i])) {
			reading->ask->format = i;
			reading->has_format = true;
			return 0;
		}
	return bud_error_set(
		reading->error, "format", "format must be json, ndjson or batch, once");
}

static int read_one(struct reading *reading, struct bud_span name, struct bud_span value)
{
	struct bud_pull_ask *ask = reading->ask;

	for (enum bud_index_kind kind = 0; kind < BUD_INDEX_KINDS; kind++)
		if (bud_span_is(name, bud_index_kind_word(kind)))
			return read_once(
				reading, bud_index_kind_word(kind), value, &reading->values[kind]);
	if (bud_span_is(name, "type"))
		return read_pattern(reading, "type", value, ask->types, &ask->filter.types_n);
	if (bud_span_is(name, "source"))
		return read_pattern(reading, "source", value, ask->sources, &ask->filter.sources_n);
	if (bud_span_is(name, "from") || bud_span_is(name, "to"))
		return read_time(reading, name, value);
	if (bud_span_is(name, "after"))
		return read_once(reading, "after", value, &ask->after);
	if (bud_span_is(name, "size"))
		return read_size(reading, value);
	if (bud_span_is(name, "wait_ms"))
		return read_wait(reading, value);
	if (bud_span_is(name, "format"))
		return read_format(reading, value);
	return bud_error_set(reading->error, name.at, "unknown query parameter; known are " KNOWN);
}

/* One is looked up in its index, the others are looked at. */
static int choose(struct reading *reading, unsigned kinds)
{
	struct bud_pull_ask *ask = reading->ask;
	bool is_asked = false;
	bool is_chosen = false;

	for (size_t i = 0; i < BUD_INDEX_KINDS; i++) {
		enum bud_index_kind kind = narrowest[i];
		struct bud_span value = reading->values[kind];
		is_asked |= value.at != NULL;
		if (value.at && !is_chosen && (kinds & 1u << kind)) {
			is_chosen = true;
			ask->kind = kind;
			ask->value = value;
		} else {
			ask->filter.attributes[kind] = value;
		}
	}
	if (is_chosen)
		return 0;
	if (is_asked)
		return -EOPNOTSUPP;
	return bud_error_set(reading->error, "resource",
		"say what to read: resource, subject, alternativesubject or resourceinstance");
}

static void read_accept(struct bud_pull_ask *ask, const struct bud_request *request)
{
	struct bud_span accept = bud_request_header(request, "accept");

	if (bud_span_starts_nocase(accept, "application/x-ndjson"))
		ask->format = BUD_PULL_LINES;
	else if (bud_span_starts_nocase(accept, "application/cloudevents-batch+json"))
		ask->format = BUD_PULL_BATCH;
}

static void start(struct bud_pull_ask *ask)
{
	*ask = (struct bud_pull_ask){.size = SIZE_DEFAULT};
	ask->filter = (struct bud_read_filter){.types = ask->types,
		.sources = ask->sources,
		.from_ms = INT64_MIN,
		.to_ms = INT64_MAX};
}

static int parse(struct reading *reading, const struct bud_request *request, unsigned kinds)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	struct bud_pull_ask *ask = reading->ask;
	size_t position = 0;
	int r;

	while ((r = bud_request_query_next(request, &position, &name, &value)) > 0) {
		bud_buffer_text(&name, ""); /* ends with a NUL even when empty */
		r = read_one(reading, bud_buffer_as_span(&name), bud_buffer_as_span(&value));
		if (r < 0)
			return r;
	}
	if (r < 0)
		return bud_error_set(reading->error, NULL, "the query has a bad escape");
	if (ask->filter.from_ms >= ask->filter.to_ms)
		return bud_error_set(reading->error, "to", "to must be later than from");
	if (!reading->has_format)
		read_accept(ask, request);
	return choose(reading, kinds);
}

int bud_pull_ask_parse(struct bud_pull_ask *ask, const struct bud_request *request, unsigned kinds,
	struct bud_error *error)
{
	struct reading reading = {.ask = ask, .error = error};

	start(ask);
	return parse(&reading, request, kinds);
}

int bud_pull_ask_parse_instance(struct bud_pull_ask *ask, struct bud_span instance,
	const struct bud_request *request, unsigned kinds, struct bud_error *error)
{
	struct reading reading = {.ask = ask, .error = error};

	start(ask);
	ask->format = BUD_PULL_BATCH;
	reading.values[BUD_INDEX_RESOURCEINSTANCE] = keep(ask, instance);
	return parse(&reading, request, kinds);
}

void bud_pull_ask_finish(struct bud_pull_ask *ask)
{
	for (size_t i = 0; i < ask->texts_n; i++)
		free(ask->texts[i]);
	ask->texts_n = 0;
}

static bool is_after(struct bud_span parameter)
{
	bud_auto(buffer) struct bud_buffer name = {0};

	return bud_percent_decode(bud_span_take_until(&parameter, '='), true, &name) == 0 &&
	       bud_span_is(bud_buffer_as_span(&name), "after");
}

void bud_pull_write_next_path(
	struct bud_buffer *out, const struct bud_request *request, const char *cursor)
{
	struct bud_span rest = request->query;

	bud_buffer_span(out, request->path);
	bud_buffer_byte(out, '?');
	while (rest.len > 0) {
		struct bud_span parameter = bud_span_take_until(&rest, '&');
		if (parameter.len == 0 || is_after(parameter))
			continue;
		bud_buffer_span(out, parameter);
		bud_buffer_byte(out, '&');
	}
	bud_buffer_format(out, "after=%s", cursor);
}

void bud_pull_write_next(
	struct bud_buffer *out, const struct bud_request *request, const char *cursor)
{
	bud_buffer_byte(out, '<');
	bud_pull_write_next_path(out, request, cursor);
	bud_buffer_text(out, ">; rel=\"next\"");
}
