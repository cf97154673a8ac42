/* Members of JSON objects. */
#include "subscription/body.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/limits.h"
#include "event/json.h"

/* What valid JSON may have and is not taken all the same; of the body only a name is told. */
static const char *fault_of(const json_error_t *fault)
{
	switch (json_error_code(fault)) {
	case json_error_duplicate_key:
		return fault->text;
	case json_error_numeric_overflow:
		return "a number is too large to be read here";
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return "a text has \\u0000";
	default:
		return "not valid JSON";
	}
}

int bud_body_parse(struct bud_span json, struct json_t **out_object, struct bud_error *error)
{
	json_error_t fault;
	const char *wrong;
	json_t *object;

	if (!bud_json_is_valid(json, BUD_JSON_DEPTH_MAX, &wrong))
		return bud_error_set(error, NULL, "the body is not valid JSON: %s", wrong);
	object = json_loadb(json.at, json.len, JSON_REJECT_DUPLICATES, &fault);
	if (!object)
		return bud_error_set(error, NULL, "the body is refused: %s, line %d, column %d",
			fault_of(&fault), fault.line, fault.column);
	if (!json_is_object(object)) {
		json_decref(object);
		return bud_error_set(error, NULL, "the body must be a JSON object");
	}
	*out_object = object;
	return 0;
}

static bool is_known(const char *name, const char *const *known)
{
	while (*known && strcmp(*known, name) != 0)
		known++;
	return *known;
}

static int refuse_unknown(const struct bud_buffer *unknown, const char *member,
	const char *const *known, struct bud_error *error)
{
	struct bud_buffer names = {0};

	for (size_t i = 0; known[i]; i++)
		bud_buffer_format(&names, "%s%s", i ? ", " : "", known[i]);
	bud_error_set(error, member, "unknown: %.150s; known are %s", unknown->at, names.at);
	bud_buffer_finish(&names);
	return -EINVAL;
}

int bud_body_check(const struct json_t *value, const char *path, const char *const *known,
	struct bud_error *error)
{
	struct bud_buffer unknown = {0};
	char first[BUD_ERROR_MEMBER_MAX];
	const char *dot = *path ? "." : "";
	const char *name;
	json_t *member;
	int r = 0;

	if (!json_is_object(value))
		return bud_error_set(error, path, "%s must be an object", path);
	json_object_foreach((json_t *)value, name, member)
	{
		if (is_known(name, known))
			continue;
		if (unknown.len == 0)
			snprintf(first, sizeof(first), "%s%s%s", path, dot, name);
		bud_buffer_format(
			&unknown, "%s\"%s%s%s\"", unknown.len ? ", " : "", path, dot, name);
	}
	if (unknown.len > 0)
		r = refuse_unknown(&unknown, first, known, error);
	bud_buffer_finish(&unknown);
	return r;
}

int bud_body_text(const struct json_t *value, const struct bud_body_text *rule, char **out_text,
	struct bud_error *error)
{
	const char *text = json_string_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!text || *text == '\0')
		return bud_error_set(
			error, rule->path, "%s must be a text that is not empty", rule->path);
	if (json_string_length(value) > rule->max)
		return bud_error_set(
			error, rule->path, "%s is longer than %zu bytes", rule->path, rule->max);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return bud_error_set(
				error, rule->path, "%s has a control character", rule->path);
	*out_text = bud_strdup(text);
	return 0;
}

int bud_body_integer(const struct json_t *value, const struct bud_body_integer *rule, int64_t *out,
	struct bud_error *error)
{
	json_int_t number = json_integer_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_integer(value) || number < rule->min || number > rule->max)
		return bud_error_set(error, rule->path,
			"%s must be an integer from %" PRId64 " to %" PRId64, rule->path, rule->min,
			rule->max);
	*out = number;
	return 0;
}

int bud_body_number(const struct json_t *value, const struct bud_body_number *rule, double *out,
	struct bud_error *error)
{
	double number = json_number_value(value);

	if (!value || json_is_null(value))
		return 0;
	if (!json_is_number(value) || !(number >= rule->min && number <= rule->max))
		return bud_error_set(error, rule->path, "%s must be a number from %g to %g",
			rule->path, rule->min, rule->max);
	*out = number;
	return 0;
}

int bud_body_truth(const struct json_t *value, const char *path, bool *out, struct bud_error *error)
{
	if (!value || json_is_null(value))
		return 0;
	if (!json_is_boolean(value))
		return bud_error_set(error, path, "%s must be true or false", path);
	*out = json_is_true(value);
	return 0;
}

static int refuse_word(const char *path, const char *const *words, struct bud_error *error)
{
	struct bud_buffer names = {0};

	for (size_t i = 0; words[i]; i++)
		bud_buffer_format(&names, "%s\"%s\"", i ? ", " : "", words[i]);
	bud_error_set(error, path, "%s must be one of %s", path, names.at);
	bud_buffer_finish(&names);
	return -EINVAL;
}

int bud_body_word(const struct json_t *value, const char *path, const char *const *words,
	size_t *out, struct bud_error *error)
{
	const char *text = json_string_value(value);
	size_t i = 0;

	if (!value || json_is_null(value))
		return 0;
	while (text && words[i] && strcmp(words[i], text) != 0)
		i++;
	if (!text || !words[i])
		return refuse_word(path, words, error);
	*out = i;
	return 0;
}

struct merge {
	json_t *target;
	json_t *patch;
	void *at;
};

/* Where `name` is in `target`: an object to merge into, which replaces anything else. */
static json_t *object_at(json_t *target, const char *name)
{
	json_t *object = json_object_get(target, name);

	if (!json_is_object(object)) {
		json_object_set_new(target, name, json_object());
		object = json_object_get(target, name);
	}
	return object;
}

void bud_body_merge(struct json_t *target, const struct json_t *patch)
{
	struct merge stack[BUD_JSON_DEPTH_MAX + 1];
	size_t depth = 1;

	stack[0] = (struct merge){target, (json_t *)patch, json_object_iter((json_t *)patch)};
	while (depth > 0) {
		struct merge *merge = &stack[depth - 1];
		if (!merge->at) {
			depth--;
			continue;
		}
		const char *name = json_object_iter_key(merge->at);
		json_t *value = json_object_iter_value(merge->at);
		merge->at = json_object_iter_next(merge->patch, merge->at);
		if (json_is_null(value)) {
			json_object_del(merge->target, name);
		} else if (json_is_object(value)) {
			json_t *into = object_at(merge->target, name);
			stack[depth++] = (struct merge){into, value, json_object_iter(value)};
		} else {
			json_object_set(merge->target, name, value);
		}
	}
}
