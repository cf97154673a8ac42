/* Random subscriptions and events. Values share their beginnings and ends, so that prefixes and
 * suffixes nest; the trees are a few levels deep, so what walks them calls itself. */
#include "random_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_sql.h"

#define DEPTH_MAX        4
#define WIDE             20
#define COUNT(list)      (sizeof(list) / sizeof(*(list)))
#define PICK(work, list) list[draw_below(&(work)->draw, COUNT(list))]

static const char *const words[] = {"a", "ab", "abc", "b", "ba", "a.b", "\u00e5a", "a\u00e5\u00f8"};
static const char *const types[] = {"a", "ab", "abc", "b", "a", "ab", "a.b", "b.a", "b", "abc", "a",
	"no.budstikke.delivery.dead"};
static const char *const sources[] = {"https://h.no/a/b", "https://h.no/a/", "https://H.no/a/b/c",
	"https://h.no:443/a/b/", "http://h.no/a/b", "https://u@h.no/a", "https://h.no", "/a/b",
	"urn:a:b", "https://[::1]:8080/a/b?q=/x"};
static const char *const bases[] = {"https://h.no/a/b", "https://h.no/", "https://h.no/a/b/c",
	"HTTPS://H.NO:443/a/x", "http://h.no:80/a/", "https://h.no", "urn:a:b",
	"https://[::1]:8080/a/"};
static const char *const numbers[] = {"1", "12", "-1", "2147483647"};
static const char *const flags[] = {"true", "false"};
static const char *const wide_words[] = {"a", "ba"};
static const char *const narrow_names[] = {
	"type", "type", "source", "subject", "subject", "resource", "id", "tag", "seq", "flag"};
static const char *const wide_names[WIDE] = {"w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8",
	"w9", "w10", "w11", "w12", "w13", "w14", "w15", "w16", "type", "subject", "resource"};

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* 300 bytes, of which there are few, so that many prefixes of many lengths fit one value. */
static const char *long_word(struct random_work *work)
{
	static char texts[2][301];

	for (size_t i = 0; i < 2 && !texts[1][0]; i++)
		for (size_t j = 0; j < 300; j++)
			texts[i][j] = (char)('a' + (i + j) % 3);
	return texts[draw_below(&work->draw, 2)];
}

const char *random_value(struct random_work *work, const char *name)
{
	if (is(name, "source"))
		return PICK(work, sources);
	if (is(name, "seq"))
		return PICK(work, numbers);
	if (is(name, "flag"))
		return PICK(work, flags);
	if (work->is_wide)
		return PICK(work, wide_words);
	if (is(name, "type"))
		return PICK(work, types);
	return draw_percent(&work->draw, 4) ? long_word(work) : PICK(work, words);
}

const char *random_name(struct random_work *work)
{
	return work->is_wide ? PICK(work, wide_names) : PICK(work, narrow_names);
}

static bool is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The value, or some of its beginning or end, never empty. */
static json_t *cut(struct random_work *work, const char *dialect, const char *value)
{
	size_t len = strlen(value);
	size_t at = draw_below(&work->draw, len);

	while (is_inside_character(value[at]))
		at--;
	if (is(dialect, "suffix"))
		return json_string(value + at);
	if (is(dialect, "prefix"))
		return json_stringn(value, at > 0 ? at : len);
	return json_string(value);
}

static json_t *wrap(const char *dialect, json_t *content)
{
	json_t *filter = json_object();

	json_object_set_new(filter, dialect, content);
	return filter;
}

/* Filters. */

static json_t *make_pairs(struct random_work *work, const char *dialect)
{
	json_t *pairs = json_object();
	size_t n = 1 + draw_below(&work->draw, work->is_wide ? 5 : 2);

	if (draw_percent(&work->draw, 50))
		n = 1;
	while (n-- > 0) {
		const char *name = random_name(work);
		json_object_set_new(pairs, name, cut(work, dialect, random_value(work, name)));
	}
	return wrap(dialect, pairs);
}

static json_t *make_altinn(struct random_work *work)
{
	json_t *members = json_object();

	if (draw_percent(&work->draw, 40))
		json_object_set_new(
			members, "resource", json_string(random_value(work, "resource")));
	if (draw_percent(&work->draw, 30))
		json_object_set_new(members, "type", json_string(random_value(work, "type")));
	if (draw_percent(&work->draw, 25))
		json_object_set_new(members, "source", json_string(PICK(work, bases)));
	if (json_object_size(members) == 0 || draw_percent(&work->draw, 40))
		json_object_set_new(members, draw_percent(&work->draw, 60) ? "unit" : "subject",
			json_string(random_value(work, "subject")));
	return wrap("altinn", members);
}

static json_t *make_filter(struct random_work *work, unsigned depth);

static json_t *make_many(struct random_work *work, const char *dialect, unsigned depth)
{
	json_t *filters = json_array();
	size_t n = 1 + draw_below(&work->draw, 3);

	while (n-- > 0)
		json_array_append_new(filters, make_filter(work, depth - 1));
	return wrap(dialect, filters);
}

/* Values of one attribute, at times more than an index files one filter under. */
static json_t *make_list(struct random_work *work)
{
	const char *name = random_name(work);
	json_t *filters = json_array();
	size_t n = draw_percent(&work->draw, 20) ? 30 + draw_below(&work->draw, 10) : 3;
	char text[24];

	while (n-- > 0) {
		json_t *pairs = json_object();
		snprintf(text, sizeof(text), "v%zu", n);
		json_object_set_new(pairs, name,
			json_string(
				n > 3 && !is(name, "source") ? text : random_value(work, name)));
		json_array_append_new(filters, wrap("exact", pairs));
	}
	return wrap("any", filters);
}

/* Below a not there is none. */
static json_t *take_units_out(json_t *filter)
{
	const char *name;
	json_t *member;
	size_t i;

	json_array_foreach(filter, i, member)(void) take_units_out(member);
	if (json_is_object(filter) && json_object_get(filter, "unit")) {
		json_object_set(filter, "subject", json_object_get(filter, "unit"));
		json_object_del(filter, "unit");
	}
	json_object_foreach(filter, name, member)
	{
		(void)take_units_out(member);
	}
	return filter;
}

static json_t *make_filter(struct random_work *work, unsigned depth)
{
	uint64_t kind = draw_below(&work->draw, depth ? 100 : 60);

	if (draw_percent(&work->draw, 18))
		return random_sql_filter(work);
	if (kind < 22)
		return make_pairs(work, "exact");
	if (kind < 36)
		return make_pairs(work, "prefix");
	if (kind < 49)
		return make_pairs(work, "suffix");
	if (kind < 60)
		return make_altinn(work);
	if (kind < 65)
		return make_list(work);
	if (kind < 71)
		return make_many(work, "all", depth);
	if (kind < 84)
		return make_many(work, "any", depth);
	return wrap("not", take_units_out(make_filter(work, depth - 1)));
}

/* The same filters in another order. */
static json_t *turned_round(const json_t *value)
{
	json_t *made;
	const char *name;
	json_t *member;

	if (json_is_array(value)) {
		made = json_array();
		for (size_t i = json_array_size(value); i > 0; i--)
			json_array_append_new(made, turned_round(json_array_get(value, i - 1)));
		return made;
	}
	if (!json_is_object(value))
		return json_deep_copy(value);
	made = json_object();
	json_object_foreach((json_t *)value, name, member)
	{
		json_object_set_new(made, name, turned_round(member));
	}
	return made;
}

static json_t *make_filters(struct random_work *work)
{
	size_t place = draw_below(&work->draw, RANDOM_POOL);
	size_t n = draw_percent(&work->draw, 20) ? 2 : 1;
	json_t *filters;

	if (work->pool[place] && draw_percent(&work->draw, 40))
		return draw_percent(&work->draw, 50) ? turned_round(work->pool[place])
						     : json_deep_copy(work->pool[place]);
	filters = json_array();
	while (n-- > 0)
		json_array_append_new(
			filters, make_filter(work, (unsigned)draw_below(&work->draw, DEPTH_MAX)));
	json_decref(work->pool[place]);
	work->pool[place] = json_incref(filters);
	return filters;
}

void random_work_finish(struct random_work *work)
{
	for (size_t i = 0; i < RANDOM_POOL; i++)
		json_decref(work->pool[i]);
}

json_t *random_subscription(struct random_work *work)
{
	json_t *made = json_pack("{ssss}", "sink", "https://example.com/hook", "protocol", "HTTP");

	if (draw_percent(&work->draw, 8)) {
		json_t *list = json_array();
		for (size_t n = 1 + draw_below(&work->draw, 4); n > 0; n--)
			json_array_append_new(list, json_string(PICK(work, types)));
		json_object_set_new(made, "types", list);
	}
	if (draw_percent(&work->draw, 6))
		json_object_set_new(made, "source", json_string(PICK(work, sources)));
	if (draw_percent(&work->draw, 6))
		json_object_set_new(made, "expires", json_string("2030-01-01T00:00:00Z"));
	if (draw_percent(&work->draw, 93))
		json_object_set_new(made, "filters", make_filters(work));
	return made;
}

/* Events. */

static void set(json_t *attributes, const char *name, const char *value)
{
	json_object_set_new(attributes, name, json_string(value));
}

/* What a number or a boolean cannot be is not set. */
static void set_extended(json_t *attributes, const char *name, const char *head, const char *tail)
{
	char text[700];

	snprintf(text, sizeof(text), "%s%s", head, tail);
	if (!is(name, "seq") && !is(name, "flag"))
		set(attributes, name, text);
}

static bool can_be(const char *name, const char *text)
{
	if (is(name, "flag"))
		return is(text, "true") || is(text, "false");
	return !is(name, "seq") || strspn(text, "-0123456789") == strlen(text);
}

static void fit_pairs(
	struct random_work *work, json_t *attributes, const char *dialect, const json_t *pairs)
{
	static const char *const ends[] = {"", "a", "b/1", "\u00f8"};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)pairs, name, value)
	{
		const char *text = json_string_value(value);
		if (is(dialect, "prefix"))
			set_extended(attributes, name, text, PICK(work, ends));
		else if (is(dialect, "suffix"))
			set_extended(attributes, name, PICK(work, ends), text);
		else if (is(dialect, "altinn") && is(name, "unit"))
			set(attributes, "subject", text);
		else if (is(dialect, "altinn") && is(name, "source"))
			set_extended(attributes, name, text, PICK(work, ends));
		else if (can_be(name, text))
			set(attributes, name, text);
	}
}

static void fit_filter(struct random_work *work, json_t *attributes, const json_t *filter)
{
	void *only = json_object_iter((json_t *)filter);
	const char *dialect = json_object_iter_key(only);
	const json_t *content = json_object_iter_value(only);
	size_t n = json_array_size(content);

	if (is(dialect, "all")) {
		for (size_t i = 0; i < n; i++)
			fit_filter(work, attributes, json_array_get(content, i));
	} else if (is(dialect, "any")) {
		fit_filter(work, attributes, json_array_get(content, draw_below(&work->draw, n)));
	} else if (is(dialect, "sql")) {
		random_sql_fit(work, attributes, json_string_value(content));
	} else if (!is(dialect, "not")) {
		fit_pairs(work, attributes, dialect, content);
	}
}

static void fit(struct random_work *work, json_t *attributes, const json_t *like)
{
	const json_t *filters = json_object_get(like, "filters");
	const json_t *list = json_object_get(like, "types");
	const json_t *source = json_object_get(like, "source");

	for (size_t i = 0; i < json_array_size(filters); i++)
		fit_filter(work, attributes, json_array_get(filters, i));
	if (list)
		set(attributes, "type",
			json_string_value(json_array_get(
				list, draw_below(&work->draw, json_array_size(list)))));
	if (source)
		set(attributes, "source", json_string_value(source));
}

json_t *random_event(struct random_work *work, const json_t *like)
{
	json_t *attributes = json_object();
	size_t more =
		work->is_wide ? 10 + draw_below(&work->draw, 16) : 4 + draw_below(&work->draw, 8);

	set(attributes, "specversion", "1.0");
	set(attributes, "id", random_value(work, "id"));
	set(attributes, "type", random_value(work, "type"));
	set(attributes, "source", random_value(work, "source"));
	if (draw_percent(&work->draw, 85))
		set(attributes, "subject", random_value(work, "subject"));
	while (more-- > 0) {
		const char *name = random_name(work);
		set(attributes, name, random_value(work, name));
	}
	if (like)
		fit(work, attributes, like);
	return attributes;
}

char *random_event_text(struct random_work *work, const json_t *attributes)
{
	json_t *event = json_copy((json_t *)attributes);
	const char *seq = json_string_value(json_object_get(attributes, "seq"));
	const char *flag = json_string_value(json_object_get(attributes, "flag"));
	size_t escapes = draw_percent(&work->draw, 30) ? JSON_ENSURE_ASCII : 0;
	char *text;

	if (seq)
		json_object_set_new(event, "seq", json_integer(strtoll(seq, NULL, 10)));
	if (flag)
		json_object_set_new(event, "flag", json_boolean(is(flag, "true")));
	text = json_dumps(event, JSON_COMPACT | escapes);
	json_decref(event);
	return text;
}
