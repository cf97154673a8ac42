/* What must hold of an event, or the expression is not true without an error: for an index.
 *
 * The root must be true, so in a chain of ANDs each must be. What must be true and compares an
 * attribute with strings says which values it may have; anything else that is evaluated in any case
 * needs the attributes that it uses, for a missing one is an error (3.2). An OR of comparisons of
 * one attribute is one set. */
#include "like.h"
#include "program.h"

static void must_hold(struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t node);
static void must_exist(struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t node);

static void need_exists(struct cesql_builder *builder, struct cesql_text attribute)
{
	size_t name;

	if (cesql_is_required(attribute))
		return;
	name = cesql_builder_text(builder, attribute, false);
	for (size_t i = 0; i < builder->needs_n; i++) {
		if (builder->needs[i].attribute == name)
			return; /* every need says that it exists */
	}
	cesql_builder_need(builder, CESQL_NEED_EXISTS, attribute);
}

/* The literal decides the type that both are compared as only where it stands on the right. On the
 * left, or in a set, it is the attribute's: '05' is 5 then, and 'TRUE' is true. A literal counts
 * only when it is the one way to write what it says, or says neither. */
static bool is_canonical(struct cesql_text literal)
{
	char buffer[CESQL_INTEGER_BYTES];
	struct cesql_value value = cesql_integer_value(0);

	if (cesql_text_to_integer(literal, &value.integer))
		return cesql_text_equals(cesql_to_text(&value, buffer), literal);
	value = cesql_boolean_value(false);
	if (cesql_text_to_boolean(literal, &value.boolean))
		return cesql_text_equals(cesql_to_text(&value, buffer), literal);
	return true;
}

static bool is_string(const struct cesql_node *node)
{
	return node->kind == CESQL_NODE_LITERAL && node->value.type == CESQL_TYPE_STRING;
}

/* A set of values for one attribute, while it is found; with no builder it is only tried. */
struct exact {
	struct cesql_builder *builder;
	const struct cesql_tree *tree;
	struct cesql_text attribute; /* `at` is NULL before the first */
	uint16_t begin;
	uint16_t n;
};

static bool add_exact(struct exact *exact, struct cesql_text attribute, struct cesql_text literal)
{
	size_t text;

	if (!exact->attribute.at)
		exact->attribute = attribute;
	if (!cesql_text_equals(exact->attribute, attribute))
		return false;
	if (!exact->builder)
		return true;
	for (size_t i = 0; i < exact->n; i++) {
		if (cesql_builder_is(exact->builder, exact->begin + i, literal))
			return true;
	}
	text = cesql_builder_text(exact->builder, literal, true);
	if (exact->builder->is_out_of_memory)
		return true;
	if (exact->n++ == 0)
		exact->begin = (uint16_t)text;
	return true;
}

static bool find_exact(struct exact *exact, uint16_t number);

/* The same for the nodes of a chain from `first` to `last`, if they are joined by OR. */
static bool find_exact_run(struct exact *exact, uint16_t first, uint16_t last)
{
	const struct cesql_node *nodes = exact->tree->nodes;

	for (uint16_t i = first; find_exact(exact, i); i = nodes[i].next) {
		if (i == last)
			return true;
		if (nodes[nodes[i].next].how != CESQL_OPERATOR_OR)
			return false;
	}
	return false;
}

/* Whether `node` says that one attribute has one of some values, which are added. */
static bool find_exact(struct exact *exact, uint16_t number)
{
	const struct cesql_node *nodes = exact->tree->nodes;
	const struct cesql_node *node = &nodes[number];
	const struct cesql_node *a = &nodes[node->first];
	const struct cesql_node *b = &nodes[a->next];

	if (node->first == 0 || node->is_negated)
		return false;
	if (node->kind == CESQL_NODE_LIKE && a->kind == CESQL_NODE_ATTRIBUTE &&
		cesql_like_literal(node->value.string) == node->value.string.len)
		return add_exact(exact, a->value.string, node->value.string);
	if (node->kind == CESQL_NODE_IN && a->kind == CESQL_NODE_ATTRIBUTE) {
		for (uint16_t i = a->next; i; i = nodes[i].next) {
			if (!is_string(&nodes[i]) || !is_canonical(nodes[i].value.string) ||
				!add_exact(exact, a->value.string, nodes[i].value.string))
				return false;
		}
		return true;
	}
	if (node->kind != CESQL_NODE_CHAIN)
		return false;
	if (b->how == CESQL_OPERATOR_EQUAL && b->next == 0) {
		if (a->kind == CESQL_NODE_ATTRIBUTE && is_string(b))
			return add_exact(exact, a->value.string, b->value.string);
		return b->kind == CESQL_NODE_ATTRIBUTE && is_string(a) &&
		       is_canonical(a->value.string) &&
		       add_exact(exact, b->value.string, a->value.string);
	}
	return find_exact_run(exact, node->first, node->last);
}

static bool need_exact(
	struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t first, uint16_t last)
{
	struct exact exact = {.tree = tree};
	struct cesql_needed *need;

	if (!find_exact_run(&exact, first, last))
		return false;
	/* Its name first, so that the literals stand in a row. */
	cesql_builder_text(builder, exact.attribute, false);
	exact.builder = builder;
	(void)find_exact_run(&exact, first, last);
	need = cesql_builder_need(builder, CESQL_NEED_ANY_OF, exact.attribute);
	need->literals = exact.begin;
	need->literals_n = exact.n;
	return true;
}

static bool need_prefix(
	struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t number)
{
	const struct cesql_node *node = &tree->nodes[number];
	struct cesql_text literal = {node->value.string.at, 0};
	const struct cesql_node *left = &tree->nodes[node->first];
	struct cesql_needed *need;
	size_t text;

	if (node->kind != CESQL_NODE_LIKE || node->is_negated || left->kind != CESQL_NODE_ATTRIBUTE)
		return false;
	literal.len = cesql_like_literal(node->value.string);
	if (literal.len == 0)
		return false;
	text = cesql_builder_text(builder, literal, false);
	need = cesql_builder_need(builder, CESQL_NEED_PREFIX, left->value.string);
	need->literals = (uint16_t)text;
	need->literals_n = 1;
	return true;
}

/* `last` is a node of a chain of logic; what stands up to it was evaluated. Each AND or OR may
 * leave out its right side. */
static void must_exist_up_to(
	struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t first, uint16_t last)
{
	for (uint16_t i = first; i; i = i == last ? 0 : tree->nodes[i].next) {
		if (i == first || tree->nodes[i].how == CESQL_OPERATOR_XOR)
			must_exist(builder, tree, i);
	}
}

static void must_exist(
	struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t number)
{
	const struct cesql_node *node = &tree->nodes[number];
	const struct cesql_node *nodes = tree->nodes;

	if (node->kind == CESQL_NODE_ATTRIBUTE)
		need_exists(builder, node->value.string);
	if (node->kind == CESQL_NODE_CHAIN && nodes[node->last].how <= CESQL_OPERATOR_XOR) {
		must_exist_up_to(builder, tree, node->first, node->last);
		return;
	}
	if (node->kind == CESQL_NODE_CALL && node->function == CESQL_FUNCTION_MISSING)
		return;
	for (uint16_t i = node->first; i; i = nodes[i].next) {
		must_exist(builder, tree, i);
		if (node->kind == CESQL_NODE_IN && i != node->first)
			return; /* the first element; the others only when it is not the one */
	}
}

/* The last node of a chain of logic that is not joined by AND: all after it must hold, and what
 * stands up to it as one. */
static void must_hold_chain(struct cesql_builder *builder, const struct cesql_tree *tree,
	const struct cesql_node *chain)
{
	const struct cesql_node *nodes = tree->nodes;
	uint16_t last = chain->first;
	uint16_t i;

	for (i = nodes[chain->first].next; i; i = nodes[i].next) {
		if (nodes[i].how != CESQL_OPERATOR_AND)
			last = i;
	}
	if (last == chain->first)
		must_hold(builder, tree, last);
	else if (!need_exact(builder, tree, chain->first, last))
		must_exist_up_to(builder, tree, chain->first, last);
	for (i = nodes[last].next; i; i = nodes[i].next)
		must_hold(builder, tree, i);
}

static void must_hold(struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t number)
{
	const struct cesql_node *node = &tree->nodes[number];

	if (need_exact(builder, tree, number, number) || need_prefix(builder, tree, number))
		return;
	if (node->kind == CESQL_NODE_EXISTS)
		need_exists(builder, node->value.string);
	else if (node->kind == CESQL_NODE_CHAIN &&
		 tree->nodes[node->last].how <= CESQL_OPERATOR_XOR)
		must_hold_chain(builder, tree, node);
	else
		must_exist(builder, tree, number);
}

void cesql_find_needs(struct cesql_builder *builder, const struct cesql_tree *tree)
{
	must_hold(builder, tree, tree->root);
}
