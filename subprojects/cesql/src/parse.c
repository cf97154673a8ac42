/* Recursive descent, a function per level of the grammar: rank 0 (AND OR XOR) to 3 (* / %), then
 * the suffixes LIKE and IN, the prefixes NOT and -, and what stands alone. Recursion is bounded by
 * limits.depth_max: whatever can contain an expression counts. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fold.h"
#include "like.h"
#include "token.h"
#include "utf8.h"

struct parser {
	struct cesql_text text;
	struct cesql_limits limits;
	struct cesql_token token; /* the next one */
	size_t depth;
	struct cesql_tree *tree;
	struct cesql_fault *fault;
	int result;
};

static uint16_t parse_rank(struct parser *parser, unsigned rank);

/* All of these return 0, which is no node, when there is a fault. */
static uint16_t fail(struct parser *parser, const char *expected)
{
	char quoted[CESQL_QUOTED_BYTES];

	cesql_fault_set(parser->fault, parser->token.offset, "expected %s, found %s", expected,
		cesql_token_quote(&parser->token, quoted));
	return 0;
}

static bool advance(struct parser *parser)
{
	size_t offset = parser->token.offset + parser->token.text.len;

	return cesql_token_read(parser->text, offset, &parser->token, parser->fault);
}

static bool take(struct parser *parser, enum cesql_token_kind kind, const char *expected)
{
	if (parser->token.kind == kind)
		return advance(parser);
	return fail(parser, expected);
}

static bool enter(struct parser *parser)
{
	if (parser->depth++ < parser->limits.depth_max)
		return true;
	parser->result = -E2BIG;
	return cesql_fault_set(parser->fault, parser->token.offset,
		"more than %zu parentheses, functions, NOT or - are inside each other here",
		parser->limits.depth_max);
}

static uint16_t add_literal(struct parser *parser, struct cesql_value value)
{
	uint16_t node = cesql_node_add(parser->tree, CESQL_NODE_LITERAL);

	parser->tree->nodes[node].value = value;
	return node;
}

/* The token's text in lower case. There is room: each token is written at most once. */
static struct cesql_text keep_name(struct parser *parser)
{
	struct cesql_scratch *written = &parser->tree->written;
	struct cesql_text name = {written->at + written->used, parser->token.text.len};

	for (size_t i = 0; i < name.len; i++) {
		char c = parser->token.text.at[i];
		written->at[written->used++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	return name;
}

static struct cesql_text keep_string(struct parser *parser)
{
	struct cesql_scratch *written = &parser->tree->written;
	struct cesql_text string = {written->at + written->used, 0};

	string.len = cesql_token_string(&parser->token, written->at + written->used);
	written->used += string.len;
	return string;
}

/* The token is DIGITS; `sign` is the byte before them, or 0. */
static uint16_t parse_integer(struct parser *parser, char sign, size_t offset)
{
	struct cesql_text text = parser->token.text;
	int32_t integer;

	if (sign) {
		text.at--;
		text.len++;
	}
	if (!cesql_text_to_integer(text, &integer)) {
		cesql_fault_set(parser->fault, offset,
			"an integer is from -2147483648 to 2147483647; write a longer one as "
			"text, in quotes");
		return 0;
	}
	if (!advance(parser))
		return 0;
	return add_literal(parser, cesql_integer_value(integer));
}

/* Expressions parted by commas up to the `)`. Returns how many, or SIZE_MAX. */
static size_t parse_list(struct parser *parser, uint16_t parent, size_t max)
{
	size_t n = 0;

	if (!enter(parser))
		return SIZE_MAX;
	for (;;) {
		uint16_t child;
		if (n == max) {
			parser->result = -E2BIG;
			cesql_fault_set(parser->fault, parser->token.offset,
				"a set has at most %zu elements", max);
			return SIZE_MAX;
		}
		child = parse_rank(parser, 0);
		if (!child)
			return SIZE_MAX;
		cesql_node_adopt(parser->tree, parent, child);
		n++;
		if (parser->token.kind != CESQL_TOKEN_COMMA)
			break;
		if (!advance(parser))
			return SIZE_MAX;
	}
	if (!take(parser, CESQL_TOKEN_CLOSE, "an operator, a comma or )"))
		return SIZE_MAX;
	parser->depth--;
	return n;
}

/* The `(` is next. */
static uint16_t parse_call(struct parser *parser, const struct cesql_token *name)
{
	uint16_t call = cesql_node_add(parser->tree, CESQL_NODE_CALL);
	char quoted[CESQL_QUOTED_BYTES];
	enum cesql_function function;
	size_t n = 0;

	if (!advance(parser))
		return 0;
	if (parser->token.kind != CESQL_TOKEN_CLOSE)
		n = parse_list(parser, call, SIZE_MAX);
	else if (!advance(parser))
		return 0;
	if (n == SIZE_MAX)
		return 0;
	function = cesql_function_find(name->text, n);
	if (function == CESQL_FUNCTION_MISSING && parser->limits.is_strict) {
		const char *arity = cesql_function_arity(name->text);
		cesql_token_quote(name, quoted);
		if (arity)
			cesql_fault_set(parser->fault, name->offset,
				"%s takes %s argument%s, not %zu", quoted, arity,
				strcmp(arity, "1") == 0 ? "" : "s", n);
		else
			cesql_fault_set(parser->fault, name->offset,
				"no function %s; there are LENGTH CONCAT CONCAT_WS LOWER UPPER "
				"TRIM LEFT RIGHT SUBSTRING ABS INT BOOL STRING",
				quoted);
		return 0;
	}
	parser->tree->nodes[call].function = (unsigned char)function;
	if (function != CESQL_FUNCTION_MISSING)
		cesql_fold(parser->tree, call);
	return call;
}

bool cesql_is_required(struct cesql_text name)
{
	static const struct cesql_text required[] = {
		{"id", 2}, {"source", 6}, {"type", 4}, {"specversion", 11}};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (cesql_text_equals(name, required[i]))
			return true;
	}
	return false;
}

/* An attribute, after EXISTS or alone; the token is a WORD. */
static uint16_t parse_attribute(struct parser *parser, enum cesql_node_kind kind)
{
	struct cesql_token token = parser->token;
	struct cesql_text name;
	uint16_t node;

	if (parser->limits.is_strict && token.text.len == 4 &&
		strncasecmp(token.text.at, "data", 4) == 0) {
		cesql_fault_set(parser->fault, token.offset,
			"an expression sees the attributes of an event, never its data");
		return 0;
	}
	name = keep_name(parser);
	if (!advance(parser))
		return 0;
	if (kind == CESQL_NODE_EXISTS && cesql_is_required(name))
		return add_literal(parser, cesql_boolean_value(true));
	node = cesql_node_add(parser->tree, kind);
	parser->tree->nodes[node].value = cesql_string_value(name);
	return node;
}

static uint16_t parse_word(struct parser *parser)
{
	struct cesql_token word = parser->token;
	struct cesql_token next;
	bool is_call;

	if (!cesql_token_read(parser->text, word.offset + word.text.len, &next, parser->fault))
		return 0;
	is_call = next.kind == CESQL_TOKEN_OPEN;
	if (!is_call && word.kind == CESQL_TOKEN_WORD)
		return parse_attribute(parser, CESQL_NODE_ATTRIBUTE);
	if (!is_call) {
		parser->token = next;
		return fail(parser, "( after the name of a function (an attribute's has no _)");
	}
	for (size_t i = 0; i < word.text.len; i++) {
		if (word.text.at[i] >= '0' && word.text.at[i] <= '9') {
			cesql_fault_set(parser->fault, word.offset,
				"the name of a function has letters and _ only");
			return 0;
		}
	}
	return advance(parser) ? parse_call(parser, &word) : 0;
}

static uint16_t parse_exists(struct parser *parser)
{
	if (!advance(parser))
		return 0;
	if (parser->token.kind != CESQL_TOKEN_WORD)
		return fail(parser, "the name of an attribute after EXISTS");
	return parse_attribute(parser, CESQL_NODE_EXISTS);
}

static uint16_t parse_parentheses(struct parser *parser)
{
	uint16_t node;

	if (!enter(parser) || !advance(parser))
		return 0;
	node = parse_rank(parser, 0);
	if (!node || !take(parser, CESQL_TOKEN_CLOSE, "an operator or )"))
		return 0;
	parser->depth--;
	return node;
}

static uint16_t parse_single(struct parser *parser)
{
	struct cesql_value value;

	switch (parser->token.kind) {
	case CESQL_TOKEN_WORD:
	case CESQL_TOKEN_NAME:
		return parse_word(parser);
	case CESQL_TOKEN_DIGITS:
		return parse_integer(parser, 0, parser->token.offset);
	case CESQL_TOKEN_STRING:
		value = cesql_string_value(keep_string(parser));
		break;
	case CESQL_TOKEN_TRUE:
	case CESQL_TOKEN_FALSE:
		value = cesql_boolean_value(parser->token.kind == CESQL_TOKEN_TRUE);
		break;
	case CESQL_TOKEN_EXISTS:
		return parse_exists(parser);
	case CESQL_TOKEN_OPEN:
		return parse_parentheses(parser);
	default:
		return fail(parser,
			"an attribute, a 'text', a number, TRUE, FALSE, a function, EXISTS, "
			"NOT, - or (");
	}
	return advance(parser) ? add_literal(parser, value) : 0;
}

static uint16_t parse_prefixed(struct parser *parser)
{
	struct cesql_token sign = parser->token;
	enum cesql_node_kind kind = CESQL_NODE_NOT;
	uint16_t node;
	uint16_t child;

	if (sign.kind != CESQL_TOKEN_NOT && sign.how != CESQL_OPERATOR_SUBTRACT &&
		sign.how != CESQL_OPERATOR_ADD)
		return parse_single(parser);
	if (!advance(parser))
		return 0;
	if (sign.kind != CESQL_TOKEN_NOT) {
		if (parser->token.kind == CESQL_TOKEN_DIGITS &&
			parser->token.offset == sign.offset + 1)
			return parse_integer(parser, sign.text.at[0], sign.offset);
		if (sign.how == CESQL_OPERATOR_ADD)
			return fail(parser, "digits right after +");
		kind = CESQL_NODE_MINUS;
	}
	if (!enter(parser))
		return 0;
	child = parse_prefixed(parser);
	if (!child)
		return 0;
	parser->depth--;
	node = cesql_node_add(parser->tree, kind);
	cesql_node_adopt(parser->tree, node, child);
	cesql_fold(parser->tree, node);
	return node;
}

static bool parse_pattern(struct parser *parser, struct cesql_node *node)
{
	struct cesql_scratch *written = &parser->tree->written;
	char *to = written->at + written->used;
	size_t inside = SIZE_MAX;
	struct cesql_text pattern;

	if (!advance(parser))
		return false;
	if (parser->token.kind != CESQL_TOKEN_STRING)
		return fail(parser, "a text in quotes after LIKE");
	pattern = keep_string(parser);
	pattern.len = cesql_like_compile(pattern, to, &inside); /* in place: never longer */
	if (inside != SIZE_MAX) {
		parser->result = -E2BIG;
		return cesql_fault_set(parser->fault, parser->token.offset,
			"between two %% a pattern with _ has at most %u bytes",
			CESQL_LIKE_PART_MAX);
	}
	node->value = cesql_string_value(pattern);
	return advance(parser);
}

static bool parse_set(struct parser *parser, uint16_t node)
{
	if (!advance(parser) || !take(parser, CESQL_TOKEN_OPEN, "( after IN"))
		return false;
	return parse_list(parser, node, parser->limits.set_max) != SIZE_MAX;
}

static uint16_t parse_suffixed(struct parser *parser)
{
	uint16_t left = parse_prefixed(parser);

	while (left) {
		bool is_negated = parser->token.kind == CESQL_TOKEN_NOT;
		bool is_like;
		uint16_t node;
		if (is_negated && !advance(parser))
			return 0;
		is_like = parser->token.kind == CESQL_TOKEN_LIKE;
		if (!is_like && parser->token.kind != CESQL_TOKEN_IN)
			return is_negated ? fail(parser, "LIKE or IN after NOT") : left;
		node = cesql_node_add(parser->tree, is_like ? CESQL_NODE_LIKE : CESQL_NODE_IN);
		parser->tree->nodes[node].is_negated = is_negated;
		cesql_node_adopt(parser->tree, node, left);
		if (is_like ? !parse_pattern(parser, &parser->tree->nodes[node])
			    : !parse_set(parser, node))
			return 0;
		cesql_fold(parser->tree, node);
		left = node;
	}
	return 0;
}

static uint16_t parse_rank(struct parser *parser, unsigned rank)
{
	uint16_t left;

	if (rank == CESQL_RANKS)
		return parse_suffixed(parser);
	left = parse_rank(parser, rank + 1);
	while (left && parser->token.kind == CESQL_TOKEN_OPERATOR &&
		cesql_operator_rank(parser->token.how) == rank) {
		enum cesql_operator how = parser->token.how;
		uint16_t right = advance(parser) ? parse_rank(parser, rank + 1) : 0;
		if (!right)
			return 0;
		left = cesql_fold_join(parser->tree, left, how, right);
	}
	return left;
}

static void parse_all(struct parser *parser)
{
	size_t valid = cesql_utf8_check(parser->text);

	if (valid < parser->text.len) {
		cesql_fault_set(parser->fault, valid, "the expression is not UTF-8 here");
		return;
	}
	if (!advance(parser))
		return;
	parser->tree->root = parse_rank(parser, 0);
	if (parser->tree->root == 0)
		return;
	if (parser->token.kind != CESQL_TOKEN_END) {
		fail(parser, "an operator or the end");
		return;
	}
	parser->result = 0;
}

int cesql_tree_parse(struct cesql_text text, const struct cesql_limits *limits,
	struct cesql_tree *out_tree, struct cesql_fault *fault)
{
	struct cesql_tree tree = {.n = 1};
	struct parser parser = {
		.text = text, .limits = *limits, .tree = &tree, .fault = fault, .result = -EINVAL};
	/* A token makes at most one node: its own, or the one that it joins others in. */
	size_t nodes_bytes = (text.len + 2) * sizeof(struct cesql_node);
	size_t folded_bytes = 2 * text.len + 64; /* what does not fit is not folded */
	char *texts;

	tree.nodes = malloc(nodes_bytes + text.len + folded_bytes);
	if (!tree.nodes)
		return -ENOMEM;
	tree.nodes[0] = (struct cesql_node){0};
	texts = (char *)tree.nodes + nodes_bytes;
	tree.written = (struct cesql_scratch){texts, text.len, 0};
	tree.folded = (struct cesql_scratch){texts + text.len, folded_bytes, 0};
	parse_all(&parser);
	if (parser.result == 0)
		*out_tree = tree;
	else
		cesql_tree_finish(&tree);
	return parser.result;
}

void cesql_tree_finish(struct cesql_tree *tree)
{
	free(tree->nodes);
	tree->nodes = NULL;
}
