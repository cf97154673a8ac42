/* Explanations. Each node of a filter is compiled and matched on its own, so that what is said here
 * is what the matcher does. */
#include "subscription/explain.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/limits.h"
#include "event/event.h"
#include "subscription/explain_sql.h"
#include "subscription/filter.h"
#include "subscription/subscription.h"

struct explaining {
	const struct bud_event *event;
	struct bud_buffer clauses; /* of the array, without its brackets */
	struct bud_buffer failed;  /* the first one, an object */
};

struct clause {
	const char *path;
	bool holds;
	bool is_inverted;         /* it holds, and must not */
	const char *wanted;       /* JSON; NULL: a node with clauses of its own */
	struct bud_span actual;   /* text; at NULL: absent */
	const char *actual_json;  /* in place of that */
	const char *error;        /* why it could not be said; NULL: it could */
	struct bud_buffer *where; /* "holds" is left out of `failed` */
};

static void write_clause(const struct explaining *explaining, const struct clause *clause)
{
	struct bud_buffer *out = clause->where;

	if (out->len > 0)
		bud_buffer_byte(out, ',');
	bud_buffer_text(out, "{\"path\":");
	bud_buffer_json(out, bud_span(clause->path));
	if (out != &explaining->failed)
		bud_buffer_format(out, ",\"holds\":%s", clause->holds ? "true" : "false");
	else if (clause->is_inverted)
		bud_buffer_text(out, ",\"not\":true");
	if (clause->wanted) {
		bud_buffer_format(out, ",\"wanted\":%s,\"actual\":", clause->wanted);
		if (clause->actual_json)
			bud_buffer_text(out, clause->actual_json);
		else if (clause->actual.at)
			bud_buffer_json(out, clause->actual);
		else
			bud_buffer_text(out, "null");
	}
	if (clause->error)
		bud_buffer_format(out, ",\"error\":\"%s\"", clause->error);
	bud_buffer_byte(out, '}');
}

/* Of the subscription itself: the first one that fails is the one to look at. */
static void add_clause(struct explaining *explaining, struct clause *clause)
{
	clause->where = &explaining->clauses;
	write_clause(explaining, clause);
	if (clause->holds || explaining->failed.len > 0)
		return;
	clause->where = &explaining->failed;
	write_clause(explaining, clause);
}

static struct bud_span actual_of(const struct bud_event *event, const char *name)
{
	const struct bud_attribute *attribute;

	if (strcmp(name, "type") == 0)
		return event->type;
	if (strcmp(name, "source") == 0)
		return event->source;
	if (strcmp(name, "subject") == 0 || strcmp(name, "unit") == 0)
		return event->subject;
	if (strcmp(name, "id") == 0)
		return event->id;
	attribute = bud_event_find(event, bud_span(name));
	return attribute ? attribute->value : (struct bud_span){0};
}

/* `node` is one filter, which was accepted before. */
static bool node_holds(const json_t *node, const struct bud_event *event)
{
	json_t *filters = json_array();
	struct bud_filter *filter = NULL;
	bool holds;
	int r;

	json_array_append(filters, (json_t *)node);
	r = bud_filter_compile(filters, &filter, NULL);
	assert(r == 0);
	holds = bud_filter_match(filter, event);
	bud_filter_destroy(filter);
	json_decref(filters);
	return holds;
}

static bool pair_holds(
	const char *dialect, const char *name, json_t *value, const struct bud_event *event)
{
	json_t *node = json_pack("{s:{s:O}}", dialect, name, value);
	bool holds = node_holds(node, event);

	json_decref(node);
	return holds;
}

static const char *dialect_of(const json_t *node, json_t **out_value)
{
	void *only = json_object_iter((json_t *)node);

	*out_value = json_object_iter_value(only);
	return json_object_iter_key(only);
}

static bool is_inner(const char *dialect)
{
	return strcmp(dialect, "all") == 0 || strcmp(dialect, "any") == 0 ||
	       strcmp(dialect, "not") == 0;
}

static bool is_sql(const char *dialect)
{
	return strcmp(dialect, "sql") == 0;
}

static void write_pair(const struct explaining *explaining, struct clause *clause, const char *name,
	const json_t *value)
{
	char *wanted = json_dumps(value, JSON_ENCODE_ANY);

	clause->wanted = wanted;
	clause->actual = actual_of(explaining->event, name);
	write_clause(explaining, clause);
	free(wanted);
}

static void add_pairs(
	struct explaining *explaining, const char *path, const char *dialect, const json_t *pairs)
{
	struct bud_buffer place = {0};
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)pairs, name, value)
	{
		struct clause clause = {.where = &explaining->clauses};
		bud_buffer_clear(&place);
		bud_buffer_format(&place, "%s.%s", path, name);
		clause.path = place.at;
		clause.holds = pair_holds(dialect, name, value, explaining->event);
		write_pair(explaining, &clause, name, value);
	}
	bud_buffer_finish(&place);
}

/* The clauses of an expression, or the one of them that is at fault. */
struct sql {
	struct explaining *explaining;
	const char *path;
	bool only_failed;
	bool should_hold;
	bool is_found; /* the one at fault */
};

static void on_sql_clause(void *owner, const struct bud_sql_clause *part)
{
	struct sql *sql = owner;
	struct bud_buffer place = {0};
	struct clause clause = {.holds = part->holds,
		.is_inverted = !sql->should_hold,
		.wanted = part->wanted,
		.actual_json = part->actual,
		.error = part->error,
		.where = &sql->explaining->clauses};

	bud_buffer_format(
		&place, "%s%s%s", sql->path, part->name ? "." : "", part->name ? part->name : "");
	clause.path = place.at;
	if (!sql->only_failed)
		write_clause(sql->explaining, &clause);
	else if (!sql->is_found && !(part->holds && part->name)) {
		/* The whole comes first; a part that does not hold tells more. */
		sql->is_found = part->name || !sql->should_hold;
		clause.where = &sql->explaining->failed;
		bud_buffer_clear(clause.where);
		write_clause(sql->explaining, &clause);
	}
	bud_buffer_finish(&place);
}

static void explain_expression(struct sql *sql, const json_t *value)
{
	struct bud_span text = {json_string_value(value), json_string_length(value)};

	bud_explain_sql(text, sql->explaining->event, on_sql_clause, sql);
}

/* The members of an all or any, or the one of a not. */
struct frame {
	const json_t *members;
	size_t next;
	size_t path_len;
};

static size_t frame_size(const struct frame *frame)
{
	return json_is_array(frame->members) ? json_array_size(frame->members) : 1;
}

static void cut(struct bud_buffer *path, size_t len)
{
	path->len = len;
	path->at[len] = '\0';
}

/* Appends the place of member `i` to the path and gives it. */
static const json_t *enter(const json_t *members, size_t i, struct bud_buffer *path)
{
	if (!json_is_array(members))
		return members;
	bud_buffer_format(path, "[%zu]", i);
	return json_array_get(members, i);
}

/* All nodes, each before its members. */
static void add_nodes(struct explaining *explaining, const json_t *filters)
{
	struct frame stack[BUD_FILTER_DEPTH_MAX + 1];
	struct bud_buffer path = {0};
	size_t depth = 1;

	bud_buffer_text(&path, "filters");
	stack[0] = (struct frame){filters, 0, path.len};
	while (depth > 0) {
		struct frame *frame = &stack[depth - 1];
		const json_t *node;
		const char *dialect;
		json_t *value;
		cut(&path, frame->path_len);
		if (frame->next == frame_size(frame)) {
			depth--;
			continue;
		}
		node = enter(frame->members, frame->next++, &path);
		dialect = dialect_of(node, &value);
		bud_buffer_format(&path, ".%s", dialect);
		if (is_inner(dialect)) {
			struct clause clause = {.path = path.at,
				.holds = node_holds(node, explaining->event),
				.where = &explaining->clauses};
			write_clause(explaining, &clause);
			stack[depth++] = (struct frame){value, 0, path.len};
		} else if (is_sql(dialect)) {
			explain_expression(
				&(struct sql){.explaining = explaining, .path = path.at}, value);
		} else {
			add_pairs(explaining, path.at, dialect, value);
		}
	}
	bud_buffer_finish(&path);
}

/* The first member that is not as it should be; the first one when none alone is at fault. */
static size_t find_culprit(const json_t *members, bool should_hold, const struct bud_event *event)
{
	for (size_t i = 0; i < json_array_size(members); i++)
		if (node_holds(json_array_get(members, i), event) != should_hold)
			return i;
	return 0;
}

static void fail_pair(struct explaining *explaining, struct bud_buffer *path, const char *dialect,
	json_t *pairs, bool should_hold)
{
	struct clause clause = {.is_inverted = !should_hold, .where = &explaining->failed};
	const char *name;
	json_t *value;

	json_object_foreach(pairs, name, value)
	{
		if (pair_holds(dialect, name, value, explaining->event) == should_hold)
			continue;
		bud_buffer_format(path, ".%s", name);
		clause.path = path->at;
		write_pair(explaining, &clause, name, value);
		return;
	}
}

/* Down from the filters, which do not hold, to the pair at fault. */
static void add_failed(struct explaining *explaining, const json_t *filters)
{
	struct bud_buffer path = {0};
	const json_t *members = filters;
	bool should_hold = true;

	bud_buffer_text(&path, "filters");
	for (;;) {
		size_t i = find_culprit(members, should_hold, explaining->event);
		json_t *value;
		const json_t *node = enter(members, i, &path);
		const char *dialect = dialect_of(node, &value);
		bud_buffer_format(&path, ".%s", dialect);
		if (is_sql(dialect)) {
			explain_expression(&(struct sql){.explaining = explaining,
						   .path = path.at,
						   .only_failed = true,
						   .should_hold = should_hold},
				value);
			break;
		}
		if (!is_inner(dialect)) {
			fail_pair(explaining, &path, dialect, value, should_hold);
			break;
		}
		if (strcmp(dialect, "not") == 0)
			should_hold = !should_hold;
		members = value;
	}
	bud_buffer_finish(&path);
}

static bool explain_filters(struct explaining *explaining, const json_t *filters)
{
	struct bud_filter *filter = NULL;
	int r = bud_filter_compile(filters, &filter, NULL);
	bool holds = r == 0 && bud_filter_match(filter, explaining->event);

	assert(r == 0);
	bud_filter_destroy(filter);
	add_nodes(explaining, filters);
	if (!holds && explaining->failed.len == 0)
		add_failed(explaining, filters);
	return holds;
}

static void finish(struct explaining *explaining, bool matches, struct bud_buffer *out)
{
	bud_buffer_format(out, "{\"matches\":%s,\"clauses\":[", matches ? "true" : "false");
	bud_buffer_span(out, bud_buffer_as_span(&explaining->clauses));
	bud_buffer_byte(out, ']');
	if (explaining->failed.len > 0) {
		bud_buffer_text(out, ",\"failed\":");
		bud_buffer_span(out, bud_buffer_as_span(&explaining->failed));
	}
	bud_buffer_byte(out, '}');
	bud_buffer_finish(&explaining->clauses);
	bud_buffer_finish(&explaining->failed);
}

int bud_explain_filters(const struct json_t *filters, const struct bud_event *event,
	struct bud_buffer *out, struct bud_error *error)
{
	struct explaining explaining = {.event = event};
	struct bud_filter *filter = NULL;
	int r = bud_filter_compile(filters, &filter, error);

	if (r < 0)
		return r;
	bud_filter_destroy(filter);
	finish(&explaining, explain_filters(&explaining, filters), out);
	return 0;
}

static void add_text(struct explaining *explaining, const char *path, const char *wanted,
	struct bud_span actual, bool holds)
{
	struct bud_buffer json = {0};
	struct clause clause = {.path = path, .holds = holds, .actual = actual};

	bud_buffer_json(&json, bud_span(wanted));
	clause.wanted = json.at;
	add_clause(explaining, &clause);
	bud_buffer_finish(&json);
}

static void add_types(struct explaining *explaining, const struct bud_subscription *subscription)
{
	struct bud_buffer json = {0};
	struct clause clause = {.path = "types", .actual = explaining->event->type};

	for (size_t i = 0; i < subscription->n_types; i++) {
		bud_buffer_byte(&json, i ? ',' : '[');
		bud_buffer_json(&json, bud_span(subscription->types[i]));
		clause.holds |= bud_span_is(explaining->event->type, subscription->types[i]);
	}
	bud_buffer_byte(&json, ']');
	clause.wanted = json.at;
	add_clause(explaining, &clause);
	bud_buffer_finish(&json);
}

void bud_explain(const struct bud_subscription *subscription, const struct bud_event *event,
	int64_t now_ms, struct bud_buffer *out)
{
	struct explaining explaining = {.event = event};
	const char *state = bud_subscription_state_word(subscription->status.state);
	json_auto_t *filters = NULL;
	char now[25];

	bud_clock_write(now_ms, now);
	if (subscription->expires)
		add_text(&explaining, "expires", subscription->expires, bud_span(now),
			subscription->expires_ms > now_ms);
	if (subscription->source)
		add_text(&explaining, "source", subscription->source, event->source,
			bud_span_is(event->source, subscription->source));
	if (subscription->n_types > 0)
		add_types(&explaining, subscription);
	if (subscription->filters)
		filters = json_loads(subscription->filters, 0, NULL);
	if (filters)
		(void)explain_filters(&explaining, filters);
	add_text(&explaining, "status.state", "active", bud_span(state),
		subscription->status.state == BUD_SUBSCRIPTION_ACTIVE);
	finish(&explaining, bud_subscription_match(subscription, event, now_ms), out);
}
