/* The terms of a filter, read: a queue. A term that is read appends its members behind all others,
 * so there is no recursion, and the members of one term stand side by side. */
#include "subscription/filter_terms.h"

#include <cesql.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "event/attribute.h"
#include "event/uri.h"
#include "subscription/filter_sql.h"

#define DIALECTS "exact, prefix, suffix, altinn, sql, all, any, not"

static const struct dialect {
	const char *name;
	enum bud_term_kind kind;
	bool is_altinn;
} dialects[] = {
	{"exact", BUD_TERM_EXACT, false},
	{"prefix", BUD_TERM_PREFIX, false},
	{"suffix", BUD_TERM_SUFFIX, false},
	{"altinn", BUD_TERM_ALL, true},
	{"sql", BUD_TERM_SQL, false},
	{"all", BUD_TERM_ALL, false},
	{"any", BUD_TERM_ANY, false},
	{"not", BUD_TERM_NOT, false},
};

/* The members of the dialect `altinn`. */
static const struct altinn_member {
	const char *name;
	const char *attribute;
	enum bud_term_kind kind;
} altinn_members[] = {
	{"resource", "resource", BUD_TERM_EXACT},
	{"type", "type", BUD_TERM_EXACT},
	{"subject", "subject", BUD_TERM_EXACT},
	{"unit", "subject", BUD_TERM_UNIT},
	{"source", "source", BUD_TERM_BASE},
};

static const char *word_of(uint8_t kind)
{
	return kind == BUD_TERM_NOT ? "not" : kind == BUD_TERM_ANY ? "any" : "all";
}

/* "filters[0].all[1]" for a term that is being read. */
static void write_path(const struct bud_terms *terms, uint16_t at, struct bud_buffer *out)
{
	uint16_t chain[BUD_FILTER_DEPTH_MAX + 1];
	size_t n = 0;

	for (uint16_t term = at; term != 0; term = terms->at[term].parent)
		chain[n++] = term;
	while (n-- > 0) {
		const struct bud_term *term = &terms->at[chain[n]];
		uint8_t kind = terms->at[term->parent].kind;
		if (term->parent == 0)
			bud_buffer_text(out, "filters");
		else
			bud_buffer_format(out, ".%s", word_of(kind));
		if (kind != BUD_TERM_NOT)
			bud_buffer_format(out, "[%u]", (unsigned)term->place);
	}
}

/* Says what is wrong with the term; `dialect` and `name` (either may be NULL) lead on from there.
 */
__attribute__((format(printf, 5, 6))) static int refuse(const struct bud_terms *terms, uint16_t at,
	const char *dialect, const char *name, const char *format, ...)
{
	struct bud_buffer path = {0};
	char text[240];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	write_path(terms, at, &path);
	if (dialect)
		bud_buffer_format(&path, ".%s", dialect);
	if (name)
		bud_buffer_format(&path, ".%s", name);
	bud_error_set(terms->error, path.at, "%s %s", path.at, text);
	bud_buffer_finish(&path);
	return -EINVAL;
}

static int refuse_nodes(const struct bud_terms *terms)
{
	return bud_error_set(
		terms->error, "filters", "filters has more than %u nodes", BUD_FILTER_NODES_MAX);
}

/* Whether `n` more are too many. */
static bool are_too_many(const struct bud_terms *terms, size_t n)
{
	return terms->nodes + terms->unread + n > BUD_FILTER_NODES_MAX;
}

uint16_t bud_terms_append(struct bud_terms *terms, uint16_t parent, size_t n)
{
	uint16_t first = (uint16_t)terms->n;

	for (size_t i = 0; i < n; i++) {
		terms->at[terms->n++] = (struct bud_term){
			.depth = (uint8_t)(terms->at[parent].depth + 1),
			.first = BUD_TERM_NONE,
			.next = (uint16_t)(i + 1 < n ? first + i + 1 : BUD_TERM_NONE),
			.parent = parent,
			.place = (uint16_t)i,
			.test = BUD_TERM_NONE,
		};
	}
	terms->at[parent].first = first;
	return first;
}

static int check_pair(const struct bud_terms *terms, uint16_t at, const char *dialect,
	const char *name, const json_t *value)
{
	if (bud_attribute_check_name(bud_span(name), NULL) < 0 ||
		strlen(name) > BUD_FILTER_TEXT_MAX)
		return refuse(terms, at, dialect, name,
			"names no attribute: lower-case letters and digits, and not \"data\"");
	if (!json_is_string(value))
		return refuse(terms, at, dialect, name, "must be a text");
	if (json_string_length(value) == 0)
		return refuse(terms, at, dialect, name, "must not be empty");
	if (json_string_length(value) > BUD_FILTER_TEXT_MAX)
		return refuse(
			terms, at, dialect, name, "is longer than %u bytes", BUD_FILTER_TEXT_MAX);
	return 0;
}

static bool is_below_not(const struct bud_terms *terms, uint16_t at)
{
	for (uint16_t term = at; term != 0; term = terms->at[term].parent)
		if (terms->at[terms->at[term].parent].kind == BUD_TERM_NOT)
			return true;
	return false;
}

/* From a member to the attribute that is tested, and how. Whether something is of a unit is not
 * known while the register is away; then it is taken to be, and asked about before anything goes,
 * which is of no use where that means that the event is not wanted. */
static int set_altinn(struct bud_terms *terms, uint16_t at, struct bud_term *term, const char *name)
{
	for (size_t i = 0; i < sizeof(altinn_members) / sizeof(*altinn_members); i++) {
		const struct altinn_member *member = &altinn_members[i];
		if (strcmp(member->name, name) != 0)
			continue;
		if (member->kind == BUD_TERM_BASE && !bud_uri_is_absolute(term->value))
			return refuse(terms, at, "altinn", name, "must be an absolute URL");
		if (member->kind == BUD_TERM_UNIT && is_below_not(terms, at))
			return refuse(terms, at, "altinn", name,
				"must not stand below \"not\": the register may not know it");
		term->kind = (uint8_t)member->kind;
		term->name = bud_span(member->attribute);
		return 0;
	}
	return refuse(terms, at, "altinn", name,
		"is unknown; known are resource, type, subject, unit, source");
}

/* One pair is a term, several are an all of terms. */
static int read_pairs(
	struct bud_terms *terms, uint16_t at, const struct dialect *dialect, const json_t *pairs)
{
	size_t n = json_object_size(pairs);
	uint16_t place = at;
	const char *name;
	json_t *value;

	if (n == 0)
		return refuse(terms, at, dialect->name, NULL,
			"must be an object of at least one attribute with a text");
	if (are_too_many(terms, n))
		return refuse_nodes(terms);
	terms->nodes += (unsigned)n;
	if (n > 1) {
		terms->at[at].kind = BUD_TERM_ALL;
		place = bud_terms_append(terms, at, n);
	}
	json_object_foreach((json_t *)pairs, name, value)
	{
		struct bud_term *term = &terms->at[place++];
		int r = check_pair(terms, at, dialect->name, name, value);
		term->kind = (uint8_t)dialect->kind;
		term->name = bud_span(name);
		term->value =
			(struct bud_span){json_string_value(value), json_string_length(value)};
		if (r == 0 && dialect->is_altinn)
			r = set_altinn(terms, at, term, name);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_sql(struct bud_terms *terms, uint16_t at, const json_t *value)
{
	struct bud_span text = {json_string_value(value), json_string_length(value)};
	struct cesql_fault fault;

	if (!text.at || text.len == 0)
		return refuse(terms, at, "sql", NULL, "must be a text: an expression");
	if (text.len > BUD_FILTER_TEXT_MAX)
		return refuse(
			terms, at, "sql", NULL, "is longer than %u bytes", BUD_FILTER_TEXT_MAX);
	if (are_too_many(terms, 1))
		return refuse_nodes(terms);
	if (bud_sql_read(terms, at, text, &fault) < 0)
		return refuse(terms, at, "sql", NULL, "is wrong at byte %zu: %s", fault.offset,
			fault.message);
	terms->nodes++;
	return 0;
}

/* An all, any or not. */
static int read_members(
	struct bud_terms *terms, uint16_t at, const struct dialect *dialect, const json_t *members)
{
	size_t n = dialect->kind == BUD_TERM_NOT ? 1 : json_array_size(members);
	uint16_t place;

	if (dialect->kind == BUD_TERM_NOT && !json_is_object(members))
		return refuse(terms, at, dialect->name, NULL, "must be one filter, an object");
	if (n == 0)
		return refuse(
			terms, at, dialect->name, NULL, "must be an array of at least one filter");
	if (terms->at[at].depth >= BUD_FILTER_DEPTH_MAX)
		return refuse(terms, at, dialect->name, NULL, "is nested more than %u deep",
			BUD_FILTER_DEPTH_MAX);
	if (are_too_many(terms, n + 1))
		return refuse_nodes(terms);
	terms->nodes++;
	terms->unread += n;
	terms->at[at].kind = (uint8_t)dialect->kind;
	place = bud_terms_append(terms, at, n);
	for (size_t i = 0; i < n; i++)
		terms->at[place + i].json =
			dialect->kind == BUD_TERM_NOT ? members : json_array_get(members, i);
	return 0;
}

static int read_term(struct bud_terms *terms, uint16_t at)
{
	const json_t *json = bud_move(terms->at[at].json);
	const json_t *value;
	const char *name;
	void *only;

	terms->unread--;
	if (json_object_size(json) != 1)
		return refuse(terms, at, NULL, NULL, "must be an object with one of " DIALECTS);
	only = json_object_iter((json_t *)json);
	name = json_object_iter_key(only);
	value = json_object_iter_value(only);
	for (size_t i = 0; i < sizeof(dialects) / sizeof(*dialects); i++) {
		const struct dialect *dialect = &dialects[i];
		if (strcmp(dialect->name, name) != 0)
			continue;
		if (dialect->kind == BUD_TERM_SQL)
			return read_sql(terms, at, value);
		if (dialect->kind < BUD_TERM_NOT || dialect->is_altinn)
			return read_pairs(terms, at, dialect, value);
		return read_members(terms, at, dialect, value);
	}
	return refuse(terms, at, name, NULL, "is no known dialect: " DIALECTS);
}

static void set_exact(struct bud_term *term, const char *name, const char *value)
{
	term->kind = BUD_TERM_EXACT;
	term->name = bud_span(name);
	term->value = bud_span(value);
}

static void add_types(struct bud_terms *terms, uint16_t at, const struct bud_filter_source *source)
{
	uint16_t place = bud_terms_append(terms, at, source->n_types);

	terms->at[at].kind = BUD_TERM_ANY;
	terms->at[at].is_types = true;
	for (size_t i = 0; i < source->n_types; i++)
		set_exact(&terms->at[place + i], "type", source->types[i]);
}

int bud_terms_parse(
	struct bud_terms *terms, const struct bud_filter_source *source, struct bud_error *error)
{
	size_t n_filters = json_array_size(source->filters);
	uint16_t place;

	terms->error = error;
	terms->nodes = 0;
	terms->hints = 0;
	terms->n_expressions = 0;
	terms->unread = n_filters;
	terms->n = 1;
	terms->at[0] = (struct bud_term){
		.kind = BUD_TERM_ALL, .next = BUD_TERM_NONE, .test = BUD_TERM_NONE};
	if (n_filters > BUD_FILTER_NODES_MAX)
		return refuse_nodes(terms);
	place = bud_terms_append(terms, 0, n_filters + !!source->source + !!source->n_types);
	for (size_t i = 0; i < n_filters; i++)
		terms->at[place++].json = json_array_get(source->filters, i);
	if (source->source)
		set_exact(&terms->at[place++], "source", source->source);
	if (source->n_types)
		add_types(terms, place, source);
	for (uint16_t at = 1; at < terms->n; at++) {
		int r = terms->at[at].json ? read_term(terms, at) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

void bud_terms_finish(struct bud_terms *terms)
{
	for (size_t i = 0; i < terms->n_expressions; i++)
		cesql_destroy(terms->expressions[i]);
	terms->n_expressions = 0;
}
