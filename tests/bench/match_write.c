/* Work for a matcher: the plain walk, and what is written of it. The trees are those of
 * match_work.c, a few nodes deep, so the walks call themselves. */
#include "match_write.h"

static const char *const op_names[] = {"all", "any", "not", "exact", "prefix", "suffix", "sql"};

static struct bud_span value_of(const struct work_filter *filter, const struct work_node *node)
{
	return (struct bud_span){filter->text.at + node->at, node->len};
}

static bool has_children(enum work_op op)
{
	return op == WORK_ALL || op == WORK_ANY || op == WORK_NOT;
}

/* The walk. */

static struct bud_span find(const struct work_event *event, const char *name)
{
	for (size_t i = 0; i < event->n; i++)
		if (strcmp(event->attributes[i].name, name) == 0)
			return (struct bud_span){
				event->text.at + event->attributes[i].at, event->attributes[i].len};
	return (struct bud_span){0};
}

static bool test_holds(const struct work_filter *filter, const struct work_node *node,
	const struct work_event *event)
{
	struct bud_span wanted = value_of(filter, node);
	struct bud_span have = find(event, node->attribute);

	if (!have.at || have.len < wanted.len)
		return false;
	if (node->op == WORK_EXACT && have.len != wanted.len)
		return false;
	if (node->op == WORK_SUFFIX)
		have.at += have.len - wanted.len;
	return memcmp(have.at, wanted.at, wanted.len) == 0;
}

/* Steps behind the node and all below it. */
static bool holds(const struct work_filter *filter, const struct work_event *event, size_t *at)
{
	const struct work_node *node = &filter->nodes[(*at)++];
	size_t true_ones = 0;

	if (!has_children(node->op))
		return test_holds(filter, node, event);
	for (unsigned i = 0; i < node->children; i++)
		true_ones += holds(filter, event, at);
	if (node->op == WORK_ALL)
		return true_ones == node->children;
	return node->op == WORK_ANY ? true_ones > 0 : true_ones == 0;
}

bool work_matches(const struct work_filter *filter, const struct work_event *event)
{
	size_t at = 0;

	return holds(filter, event, &at);
}

bool work_has_sql(const struct work_filter *filter)
{
	for (size_t i = 0; i < filter->n; i++)
		if (filter->nodes[i].op == WORK_SQL)
			return true;
	return false;
}

/* Neutral. */

static void write_node(const struct work_filter *filter, size_t *at, struct bud_buffer *out)
{
	const struct work_node *node = &filter->nodes[(*at)++];

	bud_buffer_format(out, "[\"%s\"", op_names[node->op]);
	for (unsigned i = 0; i < node->children; i++) {
		bud_buffer_byte(out, ',');
		write_node(filter, at, out);
	}
	if (node->attribute)
		bud_buffer_format(out, ",\"%s\"", node->attribute);
	if (!has_children(node->op)) {
		bud_buffer_byte(out, ',');
		bud_buffer_json(out, value_of(filter, node));
	}
	bud_buffer_byte(out, ']');
}

void work_write_filter(const struct work_filter *filter, struct bud_buffer *out)
{
	size_t at = 0;

	write_node(filter, &at, out);
}

/* Ours. */

static void write_member(const struct work_filter *filter, size_t *at, struct bud_buffer *out);

static void write_members(
	const struct work_filter *filter, size_t *at, unsigned n, struct bud_buffer *out)
{
	bud_buffer_byte(out, '[');
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			bud_buffer_byte(out, ',');
		write_member(filter, at, out);
	}
	bud_buffer_byte(out, ']');
}

static void write_member(const struct work_filter *filter, size_t *at, struct bud_buffer *out)
{
	const struct work_node *node = &filter->nodes[(*at)++];

	bud_buffer_format(out, "{\"%s\":", op_names[node->op]);
	if (node->op == WORK_NOT) {
		write_member(filter, at, out);
	} else if (has_children(node->op)) {
		write_members(filter, at, node->children, out);
	} else if (node->attribute) {
		bud_buffer_format(out, "{\"%s\":", node->attribute);
		bud_buffer_json(out, value_of(filter, node));
		bud_buffer_byte(out, '}');
	} else {
		bud_buffer_json(out, value_of(filter, node));
	}
	bud_buffer_byte(out, '}');
}

void work_write_dialect(const struct work_filter *filter, struct bud_buffer *out)
{
	size_t at = 1;

	write_members(filter, &at, filter->nodes[0].children, out);
}

void work_write_event(const struct work_event *event, size_t number, struct bud_buffer *out)
{
	bud_buffer_format(out,
		"{\"specversion\":\"1.0\",\"id\":\"%zu\",\"time\":\"2026-01-31T12:00:00Z\"",
		number);
	for (size_t i = 0; i < event->n; i++) {
		const struct work_attribute *attribute = &event->attributes[i];
		struct bud_span value = {event->text.at + attribute->at, attribute->len};
		bud_buffer_format(out, ",\"%s\":", attribute->name);
		if (attribute->is_number)
			bud_buffer_span(out, value);
		else
			bud_buffer_json(out, value);
	}
	bud_buffer_byte(out, '}');
}
