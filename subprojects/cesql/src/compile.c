/* From tree to program: operands first, then what uses them. Recursion goes as deep as the tree. */
#include "like.h"
#include "program.h"

#define UNPATCHED UINT16_MAX

static void emit_node(struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t node);

static bool is_string(const struct cesql_node *node)
{
	return node->kind == CESQL_NODE_LITERAL && node->value.type == CESQL_TYPE_STRING;
}

static void emit_literal(struct cesql_builder *builder, const struct cesql_value *value)
{
	if (value->type == CESQL_TYPE_STRING)
		cesql_builder_code(builder, CESQL_CODE_STRING, 0,
			cesql_builder_text(builder, value->string, false), 0);
	else if (value->type == CESQL_TYPE_INTEGER)
		cesql_builder_code(builder, CESQL_CODE_INTEGER, 0, 0, value->integer);
	else
		cesql_builder_code(builder, CESQL_CODE_BOOLEAN, value->boolean, 0, 0);
}

static void emit_like(
	struct cesql_builder *builder, const struct cesql_tree *tree, const struct cesql_node *node)
{
	const struct cesql_node *left = &tree->nodes[node->first];
	struct cesql_text pattern = node->value.string;
	struct cesql_text literal = {pattern.at, cesql_like_literal(pattern)};
	enum cesql_opcode code = CESQL_CODE_ATTRIBUTE_IS;
	size_t attribute;

	if (literal.len + 1 == pattern.len && pattern.at[literal.len] == CESQL_LIKE_ANY)
		code = CESQL_CODE_ATTRIBUTE_BEGINS;
	else if (literal.len < pattern.len)
		code = CESQL_CODE_LIKE;
	if (left->kind != CESQL_NODE_ATTRIBUTE || code == CESQL_CODE_LIKE) {
		emit_node(builder, tree, node->first);
		cesql_builder_code(builder, CESQL_CODE_LIKE, node->is_negated,
			cesql_builder_text(builder, pattern, false), 0);
		return;
	}
	attribute = cesql_builder_text(builder, left->value.string, false);
	cesql_builder_code(builder, code, node->is_negated, attribute,
		(int32_t)cesql_builder_text(builder, literal, false));
}

static bool is_set_of_strings(const struct cesql_tree *tree, const struct cesql_node *in)
{
	uint16_t element = tree->nodes[in->first].next;

	while (element && is_string(&tree->nodes[element]))
		element = tree->nodes[element].next;
	return element == 0;
}

static void emit_set(
	struct cesql_builder *builder, const struct cesql_tree *tree, const struct cesql_node *node)
{
	const struct cesql_node *left = &tree->nodes[node->first];
	size_t attribute = cesql_builder_text(builder, left->value.string, false);
	uint32_t begin = UINT16_MAX;
	uint32_t n = 0;

	for (uint16_t element = left->next; element; element = tree->nodes[element].next) {
		size_t text = cesql_builder_text(builder, tree->nodes[element].value.string, true);
		if (n++ == 0)
			begin = (uint32_t)text;
	}
	cesql_builder_code(builder, CESQL_CODE_ATTRIBUTE_IN, node->is_negated, attribute,
		(int32_t)(n << 16 | begin));
}

/* Sets where the jumps that have no target yet go: here. Those inside of operands have theirs. */
static void patch(struct cesql_builder *builder, size_t from)
{
	for (size_t i = from; i < builder->code_n; i++) {
		struct cesql_instruction *at = &builder->code[i];
		if ((at->code == CESQL_CODE_SKIP || at->code == CESQL_CODE_ELEMENT) &&
			at->a == UNPATCHED)
			at->a = (uint16_t)builder->code_n;
	}
}

static void emit_in(
	struct cesql_builder *builder, const struct cesql_tree *tree, const struct cesql_node *node)
{
	uint16_t left = node->first;
	size_t from;

	if (tree->nodes[left].kind == CESQL_NODE_ATTRIBUTE && is_set_of_strings(tree, node)) {
		emit_set(builder, tree, node);
		return;
	}
	emit_node(builder, tree, left);
	from = builder->code_n;
	for (uint16_t element = tree->nodes[left].next; element;
		element = tree->nodes[element].next) {
		emit_node(builder, tree, element);
		cesql_builder_code(builder, CESQL_CODE_ELEMENT, node->is_negated, UNPATCHED, 0);
	}
	cesql_builder_code(builder, CESQL_CODE_NO_ELEMENT, node->is_negated, 0, 0);
	patch(builder, from);
}

static void emit_concat(
	struct cesql_builder *builder, const struct cesql_tree *tree, const struct cesql_node *node)
{
	bool has_delimiter = node->function == CESQL_FUNCTION_CONCAT_WS;
	uint16_t argument = node->first;
	bool is_first = true;

	if (has_delimiter) {
		emit_node(builder, tree, argument);
		cesql_builder_code(builder, CESQL_CODE_CALL, CESQL_FUNCTION_STRING, 0, 0);
		argument = tree->nodes[argument].next;
	}
	cesql_builder_code(builder, CESQL_CODE_CONCAT, 0, 0, 0);
	for (; argument; argument = tree->nodes[argument].next) {
		emit_node(builder, tree, argument);
		cesql_builder_code(builder,
			has_delimiter && !is_first ? CESQL_CODE_APPEND_WS : CESQL_CODE_APPEND, 0, 0,
			0);
		is_first = false;
	}
	if (has_delimiter)
		cesql_builder_code(builder, CESQL_CODE_WITHOUT, 0, 0, 0);
}

static void emit_call(
	struct cesql_builder *builder, const struct cesql_tree *tree, const struct cesql_node *node)
{
	if (node->function == CESQL_FUNCTION_MISSING) {
		/* Its arguments do not matter: there is nothing to give them to. */
		cesql_builder_code(builder, CESQL_CODE_MISSING_FUNCTION, 0, 0, 0);
		return;
	}
	if (node->function >= CESQL_FUNCTION_CONCAT) {
		emit_concat(builder, tree, node);
		return;
	}
	for (uint16_t argument = node->first; argument; argument = tree->nodes[argument].next)
		emit_node(builder, tree, argument);
	cesql_builder_code(builder, CESQL_CODE_CALL, node->function, 0, 0);
}

/* Whether it gives a boolean whatever the event is. */
static bool is_boolean(const struct cesql_tree *tree, const struct cesql_node *node)
{
	switch (node->kind) {
	case CESQL_NODE_LITERAL:
		return node->value.type == CESQL_TYPE_BOOLEAN;
	case CESQL_NODE_ATTRIBUTE:
	case CESQL_NODE_MINUS:
		return false;
	case CESQL_NODE_CALL:
		return cesql_function_type((enum cesql_function)node->function) ==
		       CESQL_TYPE_BOOLEAN;
	case CESQL_NODE_CHAIN:
		return cesql_operator_type((enum cesql_operator)tree->nodes[node->last].how) ==
		       CESQL_TYPE_BOOLEAN;
	default:
		return true;
	}
}

/* The first two of a chain as one instruction: `attribute = 'literal'`. False: they are not, and
 * nothing was emitted. */
static bool emit_comparison(struct cesql_builder *builder, const struct cesql_node *left,
	const struct cesql_node *right)
{
	bool is_equal = right->how == CESQL_OPERATOR_EQUAL;
	size_t attribute;

	if (left->kind != CESQL_NODE_ATTRIBUTE || !is_string(right) ||
		(!is_equal && right->how != CESQL_OPERATOR_NOT_EQUAL))
		return false;
	attribute = cesql_builder_text(builder, left->value.string, false);
	cesql_builder_code(builder, CESQL_CODE_ATTRIBUTE_IS, !is_equal, attribute,
		(int32_t)cesql_builder_text(builder, right->value.string, false));
	return true;
}

static void emit_chain(struct cesql_builder *builder, const struct cesql_tree *tree,
	const struct cesql_node *chain)
{
	const struct cesql_node *nodes = tree->nodes;
	uint16_t right = nodes[chain->first].next;
	size_t from = builder->code_n; /* of a run of the same AND or OR, which ends at one place */
	unsigned run = CESQL_OPERATOR_NONE;

	if (emit_comparison(builder, &nodes[chain->first], &nodes[right]))
		right = nodes[right].next;
	else
		emit_node(builder, tree, chain->first);
	for (; right; right = nodes[right].next) {
		unsigned how = nodes[right].how;
		if (how != run) {
			patch(builder, from);
			from = builder->code_n;
			run = how;
		}
		if (how == CESQL_OPERATOR_AND || how == CESQL_OPERATOR_OR) {
			cesql_builder_code(builder, CESQL_CODE_SKIP, how, UNPATCHED, 0);
			emit_node(builder, tree, right);
			if (!is_boolean(tree, &nodes[right]))
				cesql_builder_code(
					builder, CESQL_CODE_CALL, CESQL_FUNCTION_BOOL, 0, 0);
		} else {
			emit_node(builder, tree, right);
			cesql_builder_code(builder, CESQL_CODE_OPERATE, how, 0, 0);
		}
	}
	patch(builder, from);
}

static void emit_node(struct cesql_builder *builder, const struct cesql_tree *tree, uint16_t number)
{
	const struct cesql_node *node = &tree->nodes[number];

	switch (node->kind) {
	case CESQL_NODE_LITERAL:
		emit_literal(builder, &node->value);
		break;
	case CESQL_NODE_ATTRIBUTE:
	case CESQL_NODE_EXISTS:
		cesql_builder_code(builder,
			node->kind == CESQL_NODE_EXISTS ? CESQL_CODE_EXISTS : CESQL_CODE_ATTRIBUTE,
			0, cesql_builder_text(builder, node->value.string, false), 0);
		break;
	case CESQL_NODE_NOT:
	case CESQL_NODE_MINUS:
		emit_node(builder, tree, node->first);
		cesql_builder_code(builder,
			node->kind == CESQL_NODE_NOT ? CESQL_CODE_NOT : CESQL_CODE_MINUS, 0, 0, 0);
		break;
	case CESQL_NODE_LIKE:
		emit_like(builder, tree, node);
		break;
	case CESQL_NODE_IN:
		emit_in(builder, tree, node);
		break;
	case CESQL_NODE_CALL:
		emit_call(builder, tree, node);
		break;
	default:
		emit_chain(builder, tree, node);
	}
}

void cesql_emit(struct cesql_builder *builder, const struct cesql_tree *tree)
{
	emit_node(builder, tree, tree->root);
}
