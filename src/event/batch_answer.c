/* A receiver's answer to a batch. Checked as a whole first, so that nonsense fails nobody; then
 * read member by member. Of one that was cut there is no whole to check. */
#include "event/batch_answer.h"

#include "core/alloc.h"
#include "core/limits.h"
#include "event/event.h"
#include "event/json.h"

struct answer {
	struct bud_json json;
	struct bud_buffer id;
	struct bud_buffer source;
	const struct bud_event *const *events;
	size_t n;
	bool *failed;
	bool is_within;  /* "failed" has begun and not ended */
	bool is_unclear; /* something in it names nobody */
};

/* The byte that comes next; '\0' at the end. */
static char next_byte(struct bud_json *json)
{
	bud_json_pass_blanks(json);
	return json->at < json->end ? *json->at : '\0';
}

static bool read_text(struct bud_json *json, struct bud_buffer *out)
{
	struct bud_json_string string;

	bud_buffer_clear(out);
	bud_buffer_reserve(out, 0); /* the empty text has a place, too */
	if (!bud_json_read_string(json, &string))
		return false;
	bud_json_unescape(string.raw, out);
	return true;
}

/* Behind an element: true when another one follows. The JSON is valid, so a comma means that. */
static bool has_next(struct bud_json *json, char closing)
{
	char c = next_byte(json);

	if (c == ',') {
		json->at++;
		c = next_byte(json);
	}
	if (c != closing)
		return c != '\0';
	json->at++;
	return false;
}

/* Stands behind the colon then. */
static bool read_name(struct bud_json *json, struct bud_buffer *out)
{
	if (next_byte(json) != '"' || !read_text(json, out) || next_byte(json) != ':')
		return false;
	json->at++;
	return true;
}

/* `source` NULL: any. */
static void mark(struct answer *answer, const struct bud_span *source)
{
	struct bud_span id = bud_buffer_as_span(&answer->id);
	bool is_known = false;

	for (size_t i = 0; i < answer->n; i++) {
		if (!bud_span_equals(answer->events[i]->id, id) ||
			(source && !bud_span_equals(answer->events[i]->source, *source)))
			continue;
		answer->failed[i] = true;
		is_known = true;
	}
	answer->is_unclear = answer->is_unclear || !is_known;
}

/* {"id": ..., "source": ...}: both are read before anything is marked, in any order. */
static bool read_object(struct answer *answer)
{
	struct bud_json *json = &answer->json;
	bud_auto(buffer) struct bud_buffer name = {0};
	bool has_id = false, has_source = false;

	json->at++;
	while (has_next(json, '}')) {
		bool is_id, is_source;

		if (!read_name(json, &name))
			return false;
		is_id = bud_span_is(bud_buffer_as_span(&name), "id");
		is_source = bud_span_is(bud_buffer_as_span(&name), "source");
		if ((is_id || is_source) && next_byte(json) == '"') {
			if (!read_text(json, is_id ? &answer->id : &answer->source))
				return false;
			has_id |= is_id;
			has_source |= is_source;
		} else if (!bud_json_pass_value(json, BUD_JSON_DEPTH_MAX)) {
			return false;
		}
	}
	if (has_id) {
		struct bud_span source = bud_buffer_as_span(&answer->source);
		mark(answer, has_source ? &source : NULL);
	}
	answer->is_unclear = answer->is_unclear || !has_id;
	return true;
}

static bool read_one(struct answer *answer)
{
	struct bud_json *json = &answer->json;

	switch (next_byte(json)) {
	case '{':
		return read_object(answer);
	case '"':
		if (!read_text(json, &answer->id))
			return false;
		mark(answer, NULL);
		return true;
	default:
		answer->is_unclear = true;
		return bud_json_pass_value(json, BUD_JSON_DEPTH_MAX);
	}
}

/* No list: null, false and 0 mean nobody, and a text one. */
static bool read_single(struct answer *answer)
{
	struct bud_json *json = &answer->json;
	char c = next_byte(json);
	const char *begin = json->at;

	if (c == '"')
		return read_one(answer);
	if (!bud_json_pass_value(json, BUD_JSON_DEPTH_MAX))
		return false;
	answer->is_unclear = answer->is_unclear ||
			     !(c == 'n' || c == 'f' || (c == '0' && json->at - begin == 1));
	return true;
}

static bool read_failed(struct answer *answer)
{
	struct bud_json *json = &answer->json;
	const char *behind;

	if (next_byte(json) != '[')
		return read_single(answer);
	json->at++;
	answer->is_within = true;
	behind = json->at;
	while (has_next(json, ']')) {
		if (!read_one(answer))
			return false;
		behind = json->at;
	}
	/* Else the text has ended behind an element, a comma or blanks. */
	if (json->at > behind && json->at[-1] == ']')
		answer->is_within = false;
	return true;
}

/* The text has passed bud_json_is_valid() as a whole, or was cut; these stop where it ends. */
static void read_members(struct answer *answer)
{
	struct bud_json *json = &answer->json;
	bud_auto(buffer) struct bud_buffer name = {0};

	if (next_byte(json) != '{')
		return;
	json->at++;
	while (has_next(json, '}')) {
		bool ok;

		if (!read_name(json, &name))
			return;
		ok = bud_span_is(bud_buffer_as_span(&name), "failed")
			     ? read_failed(answer)
			     : bud_json_pass_value(json, BUD_JSON_DEPTH_MAX);
		if (!ok)
			return;
	}
}

size_t bud_batch_answer_read(struct bud_span text, bool is_cut,
	const struct bud_event *const *events, size_t n, bool *failed)
{
	struct answer answer = {
		.json = {text.at, text.at + text.len, NULL},
		.events = events,
		.n = n,
		.failed = failed,
	};
	size_t failed_n = 0;
	const char *wrong;

	for (size_t i = 0; i < n; i++)
		failed[i] = false;
	if (text.len == 0 || text.len > BUD_RESPONSE_BODY_MAX ||
		(!is_cut && !bud_json_is_valid(text, BUD_JSON_DEPTH_MAX, &wrong)))
		return 0;
	read_members(&answer);
	bud_buffer_finish(&answer.id);
	bud_buffer_finish(&answer.source);
	for (size_t i = 0; i < n; i++) {
		failed[i] = failed[i] || answer.is_within || answer.is_unclear;
		failed_n += failed[i];
	}
	return failed_n;
}
