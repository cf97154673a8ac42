#include "random_tree.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

uint64_t random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545F4914F6CDD1Du;
}

size_t random_below(uint64_t *state, size_t n)
{
	return (size_t)((random_next(state) >> 16) % n);
}

static bool one_in(uint64_t *state, size_t n)
{
	return random_below(state, n) == 0;
}

static int32_t random_number(uint64_t *state)
{
	static const int32_t known[] = {0, 1, 2, 3, 5, -1, -2, -7, 10, 46341, INT32_MAX, INT32_MIN};

	return known[random_below(state, sizeof(known) / sizeof(known[0]))];
}

/* Few letters, so that texts are often equal; some that are numbers or booleans. A backslash never
 * stands before a quote or at the end: there is no way to write that. */
static size_t random_string(uint64_t *state, uint32_t *to, bool is_pattern)
{
	static const char *const known[] = {"true", "FALSE", "5", "-7", "05", "2147483648", ""};
	static const uint32_t letters[] = {
		'a', 'b', 'B', ' ', 0xE6, 0xD8, 0x672C, 0x1F600, '\'', '"', 0x3000, '%', '_'};
	size_t n = 0;
	size_t wanted;
	size_t any = 0;

	if (!is_pattern && one_in(state, 3)) {
		const char *text = known[random_below(state, sizeof(known) / sizeof(known[0]))];
		while (*text)
			to[n++] = (unsigned char)*text++;
		return n;
	}
	wanted = random_below(state, is_pattern ? 7 : 6);
	while (n < wanted) {
		uint32_t c = letters[random_below(state, sizeof(letters) / sizeof(letters[0]))];
		if (is_pattern && one_in(state, 3))
			c = one_in(state, 2) ? '%' : '_';
		if (c == '%' && ++any > 3)
			c = 'a'; /* the reference tries every way */
		if (one_in(state, 12)) {
			to[n++] = '\\';
			c = (uint32_t) "%_\\a"[random_below(state, 4)];
		}
		to[n++] = c;
	}
	return n;
}

static struct reference_node *add(struct random_tree *tree, enum reference_kind kind, int name)
{
	struct reference_node *node = &tree->nodes[tree->n++];

	assert(tree->n <= RANDOM_NODES_MAX);
	memset(node, 0, sizeof(*node));
	node->kind = kind;
	node->name = name;
	return node;
}

static struct reference_node *make_leaf(struct random_tree *tree)
{
	uint64_t *state = &tree->state;
	int attribute = (int)random_below(state, REFERENCE_ATTRIBUTES);
	struct reference_node *node;

	if (one_in(state, 2))
		return add(tree, REFERENCE_ATTRIBUTE, attribute);
	if (one_in(state, 6))
		return add(tree, REFERENCE_EXISTS, attribute);
	node = add(tree, REFERENCE_LITERAL, 0);
	node->type = (enum cesql_type)random_below(state, 3);
	if (node->type == CESQL_TYPE_STRING)
		node->string_n = random_string(state, node->string, false);
	else if (node->type == CESQL_TYPE_INTEGER)
		node->number = random_number(state);
	else
		node->number = one_in(state, 2);
	return node;
}

static struct reference_node *make(struct random_tree *tree, size_t depth)
{
	static const unsigned char arity[REFERENCE_FUNCTIONS] = {
		1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 2, 3, 1, 0};
	uint64_t *state = &tree->state;
	struct reference_node *node;
	enum reference_kind kind;
	size_t n;

	if (depth == 0 || one_in(state, 6))
		return make_leaf(tree);
	kind = (enum reference_kind)random_below(state, REFERENCE_CALL + 4);
	if (kind < REFERENCE_NOT || kind > REFERENCE_CALL)
		kind = REFERENCE_BINARY;
	node = add(tree, kind, 0);
	n = 1;
	if (kind == REFERENCE_IN || kind == REFERENCE_NOT_IN) {
		n = 2 + random_below(state, 3);
	} else if (kind == REFERENCE_LIKE || kind == REFERENCE_NOT_LIKE) {
		node->string_n = random_string(state, node->string, true);
	} else if (kind == REFERENCE_BINARY) {
		node->name = (int)random_below(state, REFERENCE_OPERATORS);
		if (one_in(state, 3))
			node->name %= 3; /* logic more often */
		n = 2;
	} else if (kind == REFERENCE_CALL) {
		node->name = (int)random_below(state, REFERENCE_FUNCTIONS);
		n = arity[node->name];
		if (one_in(state, 4))
			n = random_below(state, 4);
	}
	for (node->n = 0; node->n < n; node->n++)
		node->children[node->n] = make(tree, depth - 1);
	return node;
}

struct reference_node *random_tree_make(struct random_tree *tree, size_t depth)
{
	tree->n = 0;
	return make(tree, depth);
}

void random_event_make(uint64_t *state, struct reference_event *event)
{
	for (size_t i = 0; i < REFERENCE_ATTRIBUTES; i++) {
		struct reference_value *value = &event->values[i];
		event->exists[i] = !one_in(state, 6);
		value->type = (enum cesql_type)random_below(state, 3);
		value->error = CESQL_ERROR_NONE;
		value->number =
			value->type == CESQL_TYPE_INTEGER ? random_number(state) : one_in(state, 2);
		value->string.n = 0;
		if (value->type == CESQL_TYPE_STRING)
			value->string.n = random_string(state, value->string.at, false);
	}
}

size_t random_encode(const uint32_t *characters, size_t n, char *to)
{
	char *at = to;

	for (size_t i = 0; i < n; i++) {
		uint32_t c = characters[i];
		unsigned more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
		static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
		*at++ = (char)(lead[more] | c >> 6 * more);
		while (more-- > 0)
			*at++ = (char)(0x80 | (c >> 6 * more & 0x3F));
	}
	return (size_t)(at - to);
}

struct writer {
	uint64_t *state;
	char *at;
	size_t parentheses; /* needless ones that may still come */
};

static void space(struct writer *writer, bool is_needed)
{
	size_t n = random_below(writer->state, 3);

	for (n += is_needed; n > 0; n--)
		*writer->at++ = " \t\n\r "[random_below(writer->state, 5)];
}

static void word(struct writer *writer, const char *text)
{
	bool is_lower = one_in(writer->state, 2);

	for (; *text; text++)
		*writer->at++ = (char)(is_lower ? tolower(*text) : toupper(*text));
}

static void write_string(struct writer *writer, const uint32_t *characters, size_t n)
{
	char quote = one_in(writer->state, 2) ? '\'' : '"';

	*writer->at++ = quote;
	for (size_t i = 0; i < n; i++) {
		if (characters[i] == (unsigned char)quote)
			*writer->at++ = one_in(writer->state, 2) ? quote : '\\';
		writer->at += random_encode(&characters[i], 1, writer->at);
	}
	*writer->at++ = quote;
}

/* How tightly it binds: 0 logic, 1 comparison, 2 sum, 3 product, 4 LIKE and IN, 5 NOT and -, 6. */
static size_t rank_of(const struct reference_node *node)
{
	switch (node->kind) {
	case REFERENCE_BINARY:
		return node->name < 3 ? 0 : node->name < 10 ? 1 : node->name < 12 ? 2 : 3;
	case REFERENCE_LIKE:
	case REFERENCE_NOT_LIKE:
	case REFERENCE_IN:
	case REFERENCE_NOT_IN:
		return 4;
	case REFERENCE_NOT:
	case REFERENCE_MINUS:
		return 5;
	default:
		return 6;
	}
}

static void write_node(struct writer *writer, const struct reference_node *node, size_t rank);

static void write_list(struct writer *writer, const struct reference_node *node, size_t from)
{
	*writer->at++ = '(';
	for (size_t i = from; i < node->n; i++) {
		if (i > from)
			*writer->at++ = ',';
		write_node(writer, node->children[i], 0);
	}
	*writer->at++ = ')';
}

static void write_literal(struct writer *writer, const struct reference_node *node)
{
	if (node->type == CESQL_TYPE_STRING)
		write_string(writer, node->string, node->string_n);
	else if (node->type == CESQL_TYPE_INTEGER)
		writer->at += sprintf(writer->at, "%d", node->number);
	else
		word(writer, node->number ? "true" : "false");
}

static void write_suffix(struct writer *writer, const struct reference_node *node)
{
	bool is_set = node->kind == REFERENCE_IN || node->kind == REFERENCE_NOT_IN;

	write_node(writer, node->children[0], 4);
	space(writer, true);
	if (node->kind == REFERENCE_NOT_LIKE || node->kind == REFERENCE_NOT_IN) {
		word(writer, "NOT");
		space(writer, true);
	}
	word(writer, is_set ? "IN" : "LIKE");
	space(writer, false);
	if (is_set)
		write_list(writer, node, 1);
	else
		write_string(writer, node->string, node->string_n);
}

static void write_plain(struct writer *writer, const struct reference_node *node)
{
	switch (node->kind) {
	case REFERENCE_LITERAL:
		write_literal(writer, node);
		break;
	case REFERENCE_EXISTS:
		word(writer, "EXISTS");
		space(writer, true);
		word(writer, reference_attributes[node->name]);
		break;
	case REFERENCE_ATTRIBUTE:
		word(writer, reference_attributes[node->name]);
		break;
	case REFERENCE_NOT:
		word(writer, "NOT");
		space(writer, true);
		write_node(writer, node->children[0], 5);
		break;
	case REFERENCE_MINUS:
		*writer->at++ = '-';
		space(writer, false);
		write_node(writer, node->children[0], 5);
		break;
	case REFERENCE_BINARY:
		write_node(writer, node->children[0], rank_of(node));
		space(writer, node->name < 3);
		word(writer, reference_operators[node->name]);
		space(writer, node->name < 3);
		write_node(writer, node->children[1], rank_of(node) + 1);
		break;
	case REFERENCE_CALL:
		word(writer, reference_functions[node->name]);
		space(writer, false);
		write_list(writer, node, 0);
		break;
	default:
		write_suffix(writer, node);
	}
}

static void write_node(struct writer *writer, const struct reference_node *node, size_t rank)
{
	bool is_needless = writer->parentheses > 0 && one_in(writer->state, 8);

	if (is_needless)
		writer->parentheses--;
	space(writer, false);
	if (is_needless || rank_of(node) < rank) {
		*writer->at++ = '(';
		write_node(writer, node, 0);
		*writer->at++ = ')';
	} else {
		write_plain(writer, node);
	}
	space(writer, false);
}

size_t random_tree_write(uint64_t *state, const struct reference_node *node, char *to)
{
	struct writer writer = {state, to, 20};

	write_node(&writer, node, 0);
	return (size_t)(writer.at - to);
}
