/* Places. The text is walked again to find one: jansson keeps no lines, and this is for errors. */
#include "auth/place.h"

#include "core/limits.h"
#include "event/json.h"

#define DEPTH_MAX 8

static size_t collect(const struct bud_place *place, const struct bud_place *out[DEPTH_MAX])
{
	size_t n = 0;

	for (const struct bud_place *at = place; at; at = at->up)
		n++;
	if (n > DEPTH_MAX)
		n = 0;
	for (size_t i = n; i > 0; i--, place = place->up)
		out[i - 1] = place;
	return n;
}

void bud_place_write(const struct bud_place *place, struct bud_buffer *out)
{
	const struct bud_place *path[DEPTH_MAX];
	size_t n = collect(place, path);

	for (size_t i = 0; i < n; i++) {
		if (path[i]->name)
			bud_buffer_format(out, "%s%s", i > 0 ? "." : "", path[i]->name);
		else
			bud_buffer_format(out, "[%zu]", path[i]->index);
	}
}

/* The reader stands in an object or array, before a member or element, or at the end. */
static bool has_next(struct bud_json *json, char close)
{
	bud_json_pass_blanks(json);
	if (json->at < json->end && *json->at == ',') {
		json->at++;
		bud_json_pass_blanks(json);
	}
	return json->at < json->end && *json->at != close;
}

/* To the member's value; `out_at` is its name's place. */
static bool enter_member(struct bud_json *json, const char *name, const char **out_at)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	struct bud_json_string found;

	json->at++;
	while (has_next(json, '}')) {
		const char *begin = json->at;
		if (!bud_json_read_string(json, &found))
			return false;
		bud_buffer_clear(&text);
		bud_json_unescape(found.raw, &text);
		bud_json_pass_blanks(json);
		json->at++; /* the colon */
		bud_json_pass_blanks(json);
		if (bud_span_is(bud_buffer_as_span(&text), name)) {
			*out_at = begin;
			return true;
		}
		if (!bud_json_pass_value(json, BUD_JSON_DEPTH_MAX))
			return false;
	}
	return false;
}

static bool enter_element(struct bud_json *json, size_t index, const char **out_at)
{
	json->at++;
	for (size_t i = 0; has_next(json, ']'); i++) {
		if (i == index) {
			*out_at = json->at;
			return true;
		}
		if (!bud_json_pass_value(json, BUD_JSON_DEPTH_MAX))
			return false;
	}
	return false;
}

unsigned bud_place_line(const struct bud_place *place, struct bud_span text)
{
	const struct bud_place *path[DEPTH_MAX];
	size_t n = collect(place, path);
	struct bud_json json = {text.at, text.at + text.len, NULL};
	const char *found = text.at;
	unsigned line = 1;

	bud_json_pass_blanks(&json);
	for (size_t i = 0; i < n && json.at < json.end; i++) {
		char wanted = path[i]->name ? '{' : '[';
		if (*json.at != wanted ||
			!(path[i]->name ? enter_member(&json, path[i]->name, &found)
					: enter_element(&json, path[i]->index, &found)))
			break;
	}
	for (const char *at = text.at; at < found; at++)
		line += *at == '\n';
	return line;
}
