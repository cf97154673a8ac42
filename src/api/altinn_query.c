/* Queries of Altinn's events. */
#include "api/altinn_query.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <strings.h>

#include "api/altinn_urn.h"
#include "core/error.h"
#include "event/timestamp.h"
#include "http/request.h"
#include "read/cursor.h"
#include "subscription/body.h"

#define SIZE_DEFAULT    50
#define RESOURCE_PREFIX "urn:altinn:resource:"

/* False: there is no room for more texts. */
static bool keep(struct bud_altinn_query *query, struct bud_span text, struct bud_span *out)
{
	char *copy;

	if (query->texts_n == BUD_ALTINN_TEXTS_MAX)
		return false;
	copy = bud_strndup(text.at ? text.at : "", text.len);
	query->texts[query->texts_n++] = copy;
	*out = (struct bud_span){copy, text.len};
	return true;
}

/* Values that begin or end with % are patterns, as in SQL; those of apps in either case. */
static int add_pattern(struct bud_altinn_query *query, struct bud_span value,
	struct bud_read_pattern *patterns, size_t *n)
{
	if (value.len == 0)
		return 0; /* no filter, as in Altinn */
	if (*n == BUD_PULL_PATTERNS_MAX)
		return -E2BIG;
	patterns[*n].mode =
		query->kind == BUD_ALTINN_QUERY_EVENTS ? BUD_READ_LIKE : BUD_READ_LIKE_NOCASE;
	return keep(query, value, &patterns[(*n)++].text) ? 0 : -E2BIG;
}

static int read_pair(struct bud_altinn_query *query, struct bud_span name, struct bud_span value)
{
	const struct {
		const char *name;
		struct bud_span *value;
	} ones[] = {
		{"after", &query->after},
		{"from", &query->from},
		{"to", &query->to},
		{"size", &query->size_text},
		{"party", &query->party},
		{"unit", &query->unit},
		{"resource", &query->resource},
		{"subject", &query->subject},
	};
	bool is_app = query->kind != BUD_ALTINN_QUERY_EVENTS;

	if (bud_span_is_nocase(name, "type") || (is_app && bud_span_is_nocase(name, "eventType")))
		return add_pattern(query, value, query->types, &query->types_n);
	if (query->kind == BUD_ALTINN_QUERY_PARTY && bud_span_is_nocase(name, "source"))
		return add_pattern(query, value, query->sources, &query->sources_n);
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++)
		if (bud_span_is_nocase(name, ones[i].name) && value.len > 0 && !ones[i].value->at)
			return keep(query, value, ones[i].value) ? 0 : -E2BIG;
	return 0;
}

/* A % that begins no escape is itself, as in .NET: it is Altinn's wildcard, and clients forget to
 * encode it. */
static void write_escaped(struct bud_span query, struct bud_buffer *out)
{
	for (size_t i = 0; i < query.len; i++) {
		bud_buffer_byte(out, query.at[i]);
		if (query.at[i] == '%' &&
			!(query.len - i > 2 && isxdigit((unsigned char)query.at[i + 1]) &&
				isxdigit((unsigned char)query.at[i + 2])))
			bud_buffer_text(out, "25");
	}
}

static int read_query(struct bud_altinn_query *query, const struct bud_request *request)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	bud_auto(buffer) struct bud_buffer name = {0};
	bud_auto(buffer) struct bud_buffer value = {0};
	size_t position = 0;
	int r;

	write_escaped(request->query, &text);
	while ((r = bud_query_next(bud_buffer_as_span(&text), &position, &name, &value)) > 0) {
		r = read_pair(query, bud_buffer_as_span(&name), bud_buffer_as_span(&value));
		if (r < 0)
			return r;
	}
	return r;
}

enum shape {
	SHAPE_VALUE, /* a text or a whole number */
	SHAPE_LIST,  /* a text or a list of texts */
	SHAPE_TEXT,
};

static const struct {
	const char *name;
	enum shape shape;
} body_members[] = {
	{"after", SHAPE_VALUE},
	{"from", SHAPE_VALUE},
	{"to", SHAPE_VALUE},
	{"size", SHAPE_VALUE},
	{"party", SHAPE_VALUE},
	{"unit", SHAPE_VALUE},
	{"type", SHAPE_LIST},
	{"eventType", SHAPE_LIST},
	{"source", SHAPE_LIST},
	{"person", SHAPE_TEXT},
};

/* -EINVAL: it has not the shape. */
static int read_value(
	struct bud_altinn_query *query, const char *name, enum shape shape, const json_t *value)
{
	struct bud_span text = {json_string_value(value), json_string_length(value)};
	char number[24];

	if (json_is_integer(value) && shape == SHAPE_VALUE) {
		snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
		text = bud_span(number);
	}
	if (!text.at)
		return -EINVAL;
	if (shape != SHAPE_TEXT)
		return read_pair(query, bud_span(name), text);
	if (text.len > 0 && !query->person.at)
		(void)keep(query, text, &query->person);
	return 0;
}

static int read_member(
	struct bud_altinn_query *query, size_t at, const json_t *value, struct bud_error *error)
{
	static const char *const wanted[] = {
		"a text or a whole number", "a text or a list of texts", "a text"};
	const char *name = body_members[at].name;
	enum shape shape = body_members[at].shape;
	bool is_list = shape == SHAPE_LIST && json_is_array(value);
	int r = 0;

	if (json_is_null(value))
		return 0;
	if (!is_list)
		r = read_value(query, name, shape, value);
	for (size_t i = 0; is_list && r == 0 && i < json_array_size(value); i++)
		r = read_value(query, name, shape, json_array_get(value, i));
	if (r == -E2BIG)
		return bud_error_set(error, name, "%s has too many values", name);
	return r == 0 ? 0 : bud_error_set(error, name, "%s must be %s", name, wanted[shape]);
}

/* A party's query by POST: a body with the names of the query, in any case. */
static int read_body(struct bud_altinn_query *query, struct bud_span body, struct bud_error *error)
{
	json_auto_t *root = NULL;
	const char *name;
	json_t *value;
	int r = bud_body_parse(body, &root, error);

	if (r < 0)
		return r;
	json_object_foreach(root, name, value)
	{
		for (size_t i = 0; r == 0 && i < sizeof(body_members) / sizeof(body_members[0]);
			i++)
			if (strcasecmp(body_members[i].name, name) == 0)
				r = read_member(query, i, value, error);
		if (r < 0)
			return r;
	}
	return 0;
}

static void read_headers(struct bud_altinn_query *query, const struct bud_request *request)
{
	bool is_app = query->kind != BUD_ALTINN_QUERY_EVENTS;
	struct bud_span value =
		bud_request_header(request, is_app ? "person" : "Altinn-AlternativeSubject");

	if (value.len > 0)
		(void)keep(query, value, is_app ? &query->person : &query->alternative_subject);
}

static void read_path(struct bud_altinn_query *query, const struct bud_request *request)
{
	bud_auto(buffer) struct bud_buffer resource = {0};

	bud_buffer_text(&resource, RESOURCE_PREFIX "app_");
	bud_buffer_span(&resource, request->parameters[0]);
	bud_buffer_byte(&resource, '_');
	bud_buffer_span(&resource, request->parameters[1]);
	(void)keep(query, bud_buffer_as_span(&resource), &query->resource);
}

/* Rules. */

/* A + that was not encoded came as a blank. */
static int parse_time(struct bud_span text, int64_t *out_ms)
{
	bud_auto(buffer) struct bud_buffer copy = {0};

	bud_buffer_span(&copy, text);
	for (size_t i = 11; i < copy.len; i++)
		if (copy.at[i] == ' ')
			copy.at[i] = '+';
	return bud_time_parse(bud_buffer_as_span(&copy), out_ms);
}

/* A time, or a date, that would be one with a zone: Altinn's clients forget that. */
static bool lacks_zone(struct bud_span text)
{
	static const char *const rests[] = {"Z", ":00Z", "T00:00:00Z"};
	int64_t ms;

	for (size_t i = 0; i < sizeof(rests) / sizeof(rests[0]); i++) {
		bud_auto(buffer) struct bud_buffer whole = {0};
		bud_buffer_span(&whole, text);
		bud_buffer_text(&whole, rests[i]);
		if (bud_time_parse(bud_buffer_as_span(&whole), &ms) == 0)
			return true;
	}
	return false;
}

static int check_time(
	const char *name, struct bud_span text, int64_t *out_ms, struct bud_error *error)
{
	if (!text.at || parse_time(text, out_ms) == 0)
		return 0;
	if (!lacks_zone(text))
		return bud_error_set(error, NULL, "The value '%.*s' is not valid for %s.",
			(int)(text.len < 64 ? text.len : 64), text.at, name);
	return bud_error_set(error, NULL,
		"The '%s' parameter must specify timezone. E.g. 2022-07-07T11:00:53.3917Z for UTC",
		name);
}

static bool is_unit(struct bud_span text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isdigit((unsigned char)text.at[i]))
			return false;
	return text.len == 9;
}

/* Altinn's clients send the person along on each page, and `next` names the party in its place. */
static bool is_next(const struct bud_altinn_query *query)
{
	return bud_cursor_has_form(query->after);
}

static int check_party(struct bud_altinn_query *query, struct bud_error *error)
{
	uint64_t party;

	if (query->party.at && is_next(query))
		query->person = (struct bud_span){0};
	if (query->party.at && query->person.at)
		return bud_error_set(
			error, NULL, "Only one of 'Party' or 'Person' can be defined.");
	if (query->party.at && query->unit.at)
		return bud_error_set(error, NULL, "Only one of 'Party' or 'Unit' can be defined.");
	if (query->unit.at && !is_unit(query->unit))
		return bud_error_set(error, NULL, "Value of 'Unit' needs to be exactly 9 digits.");
	if (query->party.at && !bud_span_number(query->party, INT64_MAX, &party))
		return bud_error_set(error, NULL, "The value '%.*s' is not valid for Party.",
			(int)(query->party.len < 64 ? query->party.len : 64), query->party.at);
	if (query->kind == BUD_ALTINN_QUERY_PARTY && !query->party.at && !query->unit.at &&
		!query->person.at)
		return bud_error_set(error, NULL,
			"Subject must be specified using either query params party or unit or "
			"header value person.");
	return 0;
}

static int check_app(struct bud_altinn_query *query, struct bud_error *error)
{
	uint64_t size = SIZE_DEFAULT;
	int r;

	if (!query->from.at && !query->after.at)
		return bud_error_set(
			error, NULL, "The 'From' or 'After' parameter must be defined.");
	r = check_time("From", query->from, &query->from_ms, error);
	if (r == 0)
		r = check_time("To", query->to, &query->to_ms, error);
	if (r < 0)
		return r;
	if (query->to.at)
		query->to_ms++; /* Altinn's end is inclusive */
	if (query->size_text.at &&
		(!bud_span_number(query->size_text, INT32_MAX, &size) || size == 0))
		return bud_error_set(
			error, NULL, "The 'Size' parameter must be a number larger that 0.");
	query->size = size < BUD_PAGE_MAX ? (size_t)size : BUD_PAGE_MAX;
	return check_party(query, error);
}

static int check_events(struct bud_altinn_query *query, struct bud_error *error)
{
	uint64_t size = 0;

	if (!query->resource.at)
		return bud_error_set(error, NULL, "The resource field is required.");
	if (!bud_span_starts(query->resource, bud_span(RESOURCE_PREFIX)))
		return bud_error_set(error, NULL,
			"The 'resource' parameter must begin with `" RESOURCE_PREFIX "`");
	if (!query->after.at)
		return bud_error_set(error, NULL, "The 'after' parameter must be defined.");
	if (query->subject.at && query->alternative_subject.at)
		return bud_error_set(error, NULL,
			"Only one of 'subject' or 'alternativeSubject' can be defined.");
	if (query->size_text.at && !bud_span_number(query->size_text, INT32_MAX, &size))
		size = 0;
	query->size = size == 0 ? SIZE_DEFAULT : size > BUD_PAGE_MAX ? BUD_PAGE_MAX : (size_t)size;
	return 0;
}

/* As a number: subjects have no zeros in front. */
static void take_party(struct bud_altinn_query *query)
{
	uint64_t party = 0;
	char id[24];

	(void)bud_span_number(query->party, INT64_MAX, &party);
	snprintf(id, sizeof(id), "%" PRIu64, party);
	bud_altinn_query_set_party(query, id);
}

int bud_altinn_query_parse(struct bud_altinn_query *query, enum bud_altinn_query_kind kind,
	const struct bud_request *request, struct bud_error *error)
{
	int r;

	*query = (struct bud_altinn_query){
		.kind = kind, .from_ms = INT64_MIN, .to_ms = INT64_MAX, .size = SIZE_DEFAULT};
	if (kind == BUD_ALTINN_QUERY_ORG)
		read_path(query, request);
	read_headers(query, request);
	r = read_query(query, request);
	if (r < 0)
		return bud_error_set(error, NULL,
			r == -E2BIG ? "The query has too many values."
				    : "The query has a bad escape.");
	if (request->body.len > 0)
		r = read_body(query, request->body, error);
	if (r < 0)
		return r;
	if (kind == BUD_ALTINN_QUERY_EVENTS)
		return check_events(query, error);
	query->subject = (struct bud_span){0};
	if (kind == BUD_ALTINN_QUERY_PARTY)
		query->resource = (struct bud_span){0};
	r = check_app(query, error);
	if (r == 0 && query->party.at)
		take_party(query);
	return r;
}

void bud_altinn_query_finish(struct bud_altinn_query *query)
{
	for (size_t i = 0; i < query->texts_n; i++)
		free(query->texts[i]);
	query->texts_n = 0;
}

void bud_altinn_query_set_party(struct bud_altinn_query *query, const char *id)
{
	bud_auto(buffer) struct bud_buffer subject = {0};

	bud_buffer_format(&subject, "/party/%s", id);
	(void)keep(query, bud_buffer_as_span(&subject), &query->subject);
}

int bud_altinn_query_choose(const struct bud_altinn_query *query, unsigned kinds,
	enum bud_index_kind *out_kind, struct bud_read_filter *out_filter)
{
	static const enum bud_index_kind narrowest[] = {
		BUD_INDEX_SUBJECT, BUD_INDEX_ALTERNATIVESUBJECT, BUD_INDEX_RESOURCE};
	struct bud_read_filter filter = {.types = query->types,
		.types_n = query->types_n,
		.sources = query->sources,
		.sources_n = query->sources_n,
		.from_ms = query->from_ms,
		.to_ms = query->to_ms};

	filter.attributes[BUD_INDEX_SUBJECT] = query->subject;
	filter.attributes[BUD_INDEX_ALTERNATIVESUBJECT] = query->alternative_subject;
	filter.attributes[BUD_INDEX_RESOURCE] = query->resource;
	for (size_t i = 0; i < sizeof(narrowest) / sizeof(narrowest[0]); i++) {
		if (!filter.attributes[narrowest[i]].at || !(kinds & 1u << narrowest[i]))
			continue;
		*out_kind = narrowest[i];
		*out_filter = filter;
		return 0;
	}
	return -EOPNOTSUPP;
}

static void write_parameter(struct bud_buffer *out, const char *name, struct bud_span value)
{
	if (!value.at)
		return;
	bud_buffer_format(out, "&%s=", name);
	for (size_t i = 0; i < value.len; i++) {
		unsigned char c = (unsigned char)value.at[i];
		if (isalnum(c) || strchr("-._~:/", c))
			bud_buffer_byte(out, (char)c);
		else
			bud_buffer_format(out, "%%%02X", c);
	}
}

void bud_altinn_query_write_next(const struct bud_altinn_query *query, const char *cursor,
	const struct bud_request *request, struct bud_buffer *out)
{
	bool is_app = query->kind != BUD_ALTINN_QUERY_EVENTS;
	struct bud_span subject = query->subject;

	if (query->kind == BUD_ALTINN_QUERY_PARTY)
		bud_buffer_text(out, "/events/api/v1/app/party"); /* also for one by POST */
	else
		bud_buffer_span(out, request->path);
	bud_buffer_format(out, "?after=%s", cursor);
	write_parameter(out, "from", query->from);
	write_parameter(out, "to", query->to);
	if (is_app && subject.at)
		write_parameter(out, "party",
			(struct bud_span){
				subject.at + strlen("/party/"), subject.len - strlen("/party/")});
	if (!is_app) {
		write_parameter(out, "resource", query->resource);
		write_parameter(out, "subject", subject);
	}
	for (size_t i = 0; i < query->types_n; i++)
		write_parameter(out, "type", query->types[i].text);
	for (size_t i = 0; i < query->sources_n; i++)
		write_parameter(out, "source", query->sources[i].text);
	write_parameter(out, "size", query->size_text);
}
