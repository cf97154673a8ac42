/* Pages, read from the query. */
#include "api/page.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/clock.h"
#include "core/error.h"
#include "event/timestamp.h"
#include "http/reply.h"
#include "http/request.h"

#define LINES_TYPE "application/x-ndjson"

struct reading {
	const struct bud_page_rule *rule;
	struct bud_page page;
	bool has_size;
	bool has_cursor;
	bool has_format;
	struct bud_error *error;
};

static int refuse_size(const struct reading *reading)
{
	return bud_error_set(reading->error, "size", "size must be a number from 1 to %zu, once",
		reading->rule->size_max);
}

static int read_size(struct reading *reading, struct bud_span value)
{
	uint64_t size;

	if (reading->has_size || !bud_span_number(value, reading->rule->size_max, &size) ||
		size == 0)
		return refuse_size(reading);
	reading->has_size = true;
	reading->page.size = (size_t)size;
	return 0;
}

static bool read_id(struct bud_span value, char out_id[BUD_PAGE_ID_BYTES])
{
	if (value.len == 0 || value.len >= BUD_PAGE_ID_BYTES)
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (!memchr("0123456789abcdef", value.at[i], 16))
			return false;
	memcpy(out_id, value.at, value.len);
	out_id[value.len] = '\0';
	return true;
}

static int read_cursor(struct reading *reading, struct bud_span value)
{
	const char *cursor = reading->rule->cursor;

	bool is_cursor = reading->rule->is_by_id
				 ? read_id(value, reading->page.after)
				 : bud_span_number(value, INT64_MAX, &reading->page.start);

	if (reading->has_cursor || !is_cursor)
		return bud_error_set(reading->error, cursor,
			"%s must be as a Link of ours has it, once", cursor);
	reading->has_cursor = true;
	return 0;
}

int bud_page_time(
	const char *name, struct bud_span value, int64_t *out_wall_ms, struct bud_error *error)
{
	int64_t wall_ms;

	if (bud_time_parse(value, &wall_ms) < 0 || wall_ms <= 0)
		return bud_error_set(error, name,
			"%s must be a time such as 2026-11-22T02:45:00Z, once (a + in a query is "
			"written %%2B)",
			name);
	*out_wall_ms = wall_ms;
	return 0;
}

static int read_time(struct reading *reading, const char *name, struct bud_span value)
{
	bool is_from = strcmp(name, "from") == 0;
	int64_t *time_ms = is_from ? &reading->page.from_ms : &reading->page.to_ms;

	if (*time_ms != 0)
		return bud_error_set(reading->error, name, "%s must be there once", name);
	return bud_page_time(name, value, time_ms, reading->error);
}

static int read_format(struct reading *reading, struct bud_span value)
{
	reading->page.is_lines = bud_span_is(value, "ndjson");
	if (reading->has_format || (!reading->page.is_lines && !bud_span_is(value, "json")))
		return bud_error_set(
			reading->error, "format", "format must be json or ndjson, once");
	reading->has_format = true;
	return 0;
}

static int read_one(struct reading *reading, struct bud_span name, struct bud_span value)
{
	const struct bud_page_rule *rule = reading->rule;

	if (bud_span_is(name, "size"))
		return read_size(reading, value);
	if (bud_span_is(name, rule->cursor))
		return read_cursor(reading, value);
	if (rule->has_times && bud_span_is(name, "from"))
		return read_time(reading, "from", value);
	if (rule->has_times && bud_span_is(name, "to"))
		return read_time(reading, "to", value);
	if (rule->has_lines && bud_span_is(name, "format"))
		return read_format(reading, value);
	return bud_error_set(reading->error, name.at,
		"unknown query parameter; known are size, %s%s%s", rule->cursor,
		rule->has_times ? ", from, to" : "", rule->has_lines ? ", format" : "");
}

int bud_page_parse(const struct bud_request *request, const struct bud_page_rule *rule,
	struct bud_page *out_page, struct bud_error *error)
{
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	struct reading reading = {
		.rule = rule, .page = {.size = rule->size_default}, .error = error};
	size_t position = 0;
	int r;

	while ((r = bud_request_query_next(request, &position, &name, &value)) > 0) {
		bud_buffer_text(&name, ""); /* ends with a NUL even when empty */
		r = read_one(&reading, bud_buffer_as_span(&name), bud_buffer_as_span(&value));
		if (r < 0)
			return r;
	}
	if (r < 0)
		return bud_error_set(error, NULL, "the query has a bad escape");
	if (reading.page.to_ms != 0 && reading.page.from_ms >= reading.page.to_ms)
		return bud_error_set(error, "to", "to must be later than from");
	if (rule->has_lines && !reading.has_format)
		reading.page.is_lines =
			bud_span_starts_nocase(bud_request_header(request, "accept"), LINES_TYPE);
	/* Lines are for tools that export: as much as there may be at a time. */
	if (reading.page.is_lines && !reading.has_size)
		reading.page.size = rule->size_max;
	*out_page = reading.page;
	return 0;
}

const char *bud_page_type(const struct bud_page *page)
{
	return page->is_lines ? LINES_TYPE : "application/json";
}

static void write_time(struct bud_buffer *out, const char *name, int64_t wall_ms)
{
	char text[25];

	if (wall_ms == 0)
		return;
	bud_clock_write(wall_ms, text);
	bud_buffer_format(out, "&%s=%s", name, text);
}

void bud_page_write_next(struct bud_buffer *out, struct bud_span path,
	const struct bud_page_rule *rule, const struct bud_page *next)
{
	bud_buffer_byte(out, '<');
	bud_buffer_span(out, path);
	bud_buffer_format(out, "?size=%zu&%s=", next->size, rule->cursor);
	if (rule->is_by_id)
		bud_buffer_text(out, next->after);
	else
		bud_buffer_format(out, "%" PRIu64, next->start);
	write_time(out, "from", next->from_ms);
	write_time(out, "to", next->to_ms);
	if (next->is_lines)
		bud_buffer_text(out, "&format=ndjson");
	bud_buffer_text(out, ">; rel=\"next\"");
}

void bud_page_reply_next(struct bud_request *request, const struct bud_page_rule *rule,
	const struct bud_page *page, uint64_t start)
{
	bud_auto(buffer) struct bud_buffer link = {0};
	struct bud_page next = *page;

	next.start = start;
	bud_page_write_next(&link, request->path, rule, &next);
	bud_reply_header(request, "Link", link.at);
}
