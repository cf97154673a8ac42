#include "fold.h"

#include "like.h"

unsigned cesql_operator_rank(enum cesql_operator how)
{
	if (how <= CESQL_OPERATOR_XOR)
		return 0;
	if (how <= CESQL_OPERATOR_GREATER_EQUAL)
		return 1;
	return how <= CESQL_OPERATOR_SUBTRACT ? 2 : 3;
}

uint16_t cesql_node_add(struct cesql_tree *tree, enum cesql_node_kind kind)
{
	tree->nodes[tree->n] =
		(struct cesql_node){.kind = (unsigned char)kind, .how = CESQL_OPERATOR_NONE};
	return (uint16_t)tree->n++;
}

void cesql_node_adopt(struct cesql_tree *tree, uint16_t parent, uint16_t child)
{
	struct cesql_node *node = &tree->nodes[parent];

	if (node->first)
		tree->nodes[node->last].next = child;
	else
		node->first = child;
	node->last = child;
}

static void become(struct cesql_node *node, struct cesql_value value)
{
	*node = (struct cesql_node){
		.kind = CESQL_NODE_LITERAL, .how = node->how, .next = node->next, .value = value};
}

static enum cesql_error negate(struct cesql_value *value)
{
	bool boolean;
	enum cesql_error error = cesql_to_boolean(value, &boolean);

	*value = cesql_boolean_value(!boolean);
	return error;
}

/* What `node` gives for the values of its children. */
static enum cesql_error work_out(
	struct cesql_tree *tree, const struct cesql_node *node, struct cesql_value *values)
{
	char buffer[CESQL_INTEGER_BYTES];
	struct cesql_text text;

	switch (node->kind) {
	case CESQL_NODE_NOT:
		return negate(values);
	case CESQL_NODE_MINUS:
		return cesql_negate(values, values);
	case CESQL_NODE_LIKE:
		text = cesql_to_text(values, buffer);
		*values = cesql_boolean_value(
			cesql_like_match(node->value.string, text) != node->is_negated);
		return CESQL_ERROR_NONE;
	default:
		return cesql_function_call(
			(enum cesql_function)node->function, values, &tree->folded, values);
	}
}

void cesql_fold(struct cesql_tree *tree, uint16_t node)
{
	struct cesql_node *at = &tree->nodes[node];
	struct cesql_value values[3];
	size_t used = tree->folded.used;
	size_t n = 0;

	if (at->kind == CESQL_NODE_IN || at->kind == CESQL_NODE_CHAIN || at->first == 0 ||
		(at->kind == CESQL_NODE_CALL && at->function >= CESQL_FUNCTION_CONCAT))
		return;
	for (uint16_t child = at->first; child; child = tree->nodes[child].next) {
		if (tree->nodes[child].kind != CESQL_NODE_LITERAL)
			return;
		values[n++] = tree->nodes[child].value;
	}
	if (work_out(tree, at, values) == CESQL_ERROR_NONE)
		become(at, values[0]);
	else
		tree->folded.used = used;
}

uint16_t cesql_fold_join(
	struct cesql_tree *tree, uint16_t left, enum cesql_operator how, uint16_t right)
{
	struct cesql_node *a = &tree->nodes[left];
	struct cesql_node *b = &tree->nodes[right];
	struct cesql_value value;
	uint16_t chain = left;

	if (a->kind == CESQL_NODE_LITERAL && b->kind == CESQL_NODE_LITERAL &&
		cesql_operate(how, &a->value, &b->value, &value) == CESQL_ERROR_NONE) {
		become(a, value);
		return left;
	}
	if (a->kind != CESQL_NODE_CHAIN ||
		cesql_operator_rank((enum cesql_operator)tree->nodes[a->last].how) !=
			cesql_operator_rank(how)) {
		chain = cesql_node_add(tree, CESQL_NODE_CHAIN);
		cesql_node_adopt(tree, chain, left);
	}
	b->how = (unsigned char)how;
	cesql_node_adopt(tree, chain, right);
	return chain;
}
