/* Random expressions. Most operands have the type their operator wants, so that errors do not
 * swallow everything; what is written has parentheses where they must be and sometimes where not.
 */
#include "random_sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/text.h"
#include "naive_sql.h"

#define DEPTH_MAX        3
#define TEXT_BYTES_MAX   3500
#define COUNT(list)      (sizeof(list) / sizeof(*(list)))
#define PICK(work, list) list[draw_below(&(work)->draw, COUNT(list))]

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* Trees. */

static json_t *node(const char *op, json_t *first, json_t *second)
{
	json_t *tree = json_array();

	json_array_append_new(tree, json_string(op));
	json_array_append_new(tree, first);
	if (second)
		json_array_append_new(tree, second);
	return tree;
}

static json_t *make_boolean(struct random_work *work, unsigned depth);
static json_t *make_number(struct random_work *work, unsigned depth);
static json_t *make_text(struct random_work *work, unsigned depth);

/* Of any type, so often of the wrong one. */
static json_t *make_any(struct random_work *work, unsigned depth)
{
	switch (draw_below(&work->draw, 3)) {
	case 0:
		return make_boolean(work, depth);
	case 1:
		return make_number(work, depth);
	default:
		return make_text(work, depth);
	}
}

static json_t *make_call(const char *name, json_t *argument)
{
	return node("call", json_string(name), argument);
}

static const char *text_attribute(struct random_work *work)
{
	static const char *const always[] = {"type", "source", "id"};
	const char *name;

	if (draw_percent(&work->draw, 50))
		return PICK(work, always); /* others are often missing, which ends it all */
	do {
		name = random_name(work);
	} while (is(name, "seq") || is(name, "flag"));
	return name;
}

static json_t *make_attribute(struct random_work *work)
{
	return node("attribute", json_string(text_attribute(work)), NULL);
}

/* None of our own events: whether an expression names them is said of what is left of it when its
 * constants are folded, which is not looked at here. */
static const char *word_for(struct random_work *work, const char *name)
{
	const char *word;

	do {
		word = random_value(work, name);
	} while (strncmp(word, "no.budstikke.", 13) == 0);
	return word;
}

static json_t *make_word(struct random_work *work, const char *name)
{
	return node("string", json_string(word_for(work, name)), NULL);
}

static json_t *make_number(struct random_work *work, unsigned depth)
{
	static const int64_t numbers[] = {0, 1, 2, 3, 12, -1, -7, 2147483647, -2147483648};
	static const char *const operators[] = {"+", "-", "*", "/", "%"};
	uint64_t kind = draw_below(&work->draw, depth ? 100 : 60);

	if (kind < 30)
		return node("integer", json_integer(PICK(work, numbers)), NULL);
	if (kind < 45)
		return node("attribute", json_string("seq"), NULL);
	if (kind < 60)
		return depth ? make_call("LENGTH", make_text(work, depth - 1))
			     : make_call("LENGTH", make_attribute(work));
	if (kind < 65)
		return make_call("INT", make_any(work, depth - 1));
	if (kind < 71)
		return make_call("ABS", make_number(work, depth - 1));
	if (kind < 76)
		return node("minus", make_number(work, depth - 1), NULL);
	return node(
		PICK(work, operators), make_number(work, depth - 1), make_number(work, depth - 1));
}

/* Of short ones only: what is put together must stay below the bounds of both sides. */
static json_t *make_concatenation(struct random_work *work)
{
	bool has_separator = draw_percent(&work->draw, 50);
	json_t *tree = make_call(has_separator ? "CONCAT_WS" : "CONCAT", make_word(work, "type"));
	size_t n = draw_below(&work->draw, 4);

	while (n-- > 0)
		json_array_append_new(tree, draw_percent(&work->draw, 50)
						    ? make_word(work, "type")
						    : node("attribute", json_string("type"), NULL));
	return tree;
}

static json_t *make_text(struct random_work *work, unsigned depth)
{
	static const char *const one[] = {"UPPER", "LOWER", "TRIM"};
	static const char *const parts[] = {"LEFT", "RIGHT", "SUBSTRING"};
	uint64_t kind = draw_below(&work->draw, depth ? 100 : 75);
	json_t *tree;

	if (depth > 0 && kind < 30)
		return make_call(PICK(work, one), make_text(work, depth - 1));
	if (kind < 45)
		return make_attribute(work);
	if (kind < 55)
		return make_word(work, random_name(work));
	if (kind < 75)
		return make_concatenation(work);
	if (kind < 82)
		return make_call("STRING", make_any(work, depth - 1));
	tree = make_call(PICK(work, parts), make_text(work, depth - 1));
	json_array_append_new(
		tree, node("integer", json_integer((int64_t)draw_below(&work->draw, 6) - 2), NULL));
	if (is(json_string_value(json_array_get(tree, 1)), "SUBSTRING") &&
		draw_percent(&work->draw, 50))
		json_array_append_new(
			tree, node("integer", json_integer((int64_t)draw_below(&work->draw, 4) - 1),
				      NULL));
	return tree;
}

static json_t *make_like(struct random_work *work, const char *op)
{
	const char *name = text_attribute(work);
	const char *value = word_for(work, name);
	char pattern[400];

	switch (draw_below(&work->draw, 6)) {
	case 0:
		snprintf(pattern, sizeof(pattern), "%%%s", value);
		break;
	case 1:
		snprintf(pattern, sizeof(pattern), "%.1s_%%", "a");
		break;
	case 2:
		snprintf(pattern, sizeof(pattern), "%%%.1s%%", "b");
		break;
	case 3:
		snprintf(pattern, sizeof(pattern), "%s\\%%", value);
		break;
	default:
		snprintf(pattern, sizeof(pattern), "%s%%", value);
	}
	return node(op, node("attribute", json_string(name), NULL), json_string(pattern));
}

static json_t *make_in(struct random_work *work, const char *op, unsigned depth)
{
	const char *name = random_name(work);
	json_t *set = json_array();
	size_t n = 1 + draw_below(&work->draw, draw_percent(&work->draw, 10) ? 40 : 4);

	while (n-- > 0)
		json_array_append_new(set, draw_percent(&work->draw, 95)
						   ? make_word(work, name)
						   : make_any(work, depth - 1));
	return node(op, node("attribute", json_string(name), NULL), set);
}

static json_t *make_equality(struct random_work *work, unsigned depth)
{
	static const char *const operators[] = {"=", "=", "=", "!=", "<>"};
	const char *op = PICK(work, operators);
	const char *name = text_attribute(work);
	json_t *attribute;

	if (draw_percent(&work->draw, 15))
		return node(op, make_number(work, depth - 1), make_number(work, depth - 1));
	if (draw_percent(&work->draw, 10))
		return node(op, make_any(work, depth - 1), make_any(work, depth - 1));
	if (draw_percent(&work->draw, 30))
		return node(op, make_text(work, depth - 1), make_word(work, name));
	attribute = node("attribute", json_string(name), NULL);
	if (draw_percent(&work->draw, 20))
		return node(op, make_word(work, name), attribute);
	return node(op, attribute, make_word(work, name));
}

static json_t *make_boolean(struct random_work *work, unsigned depth)
{
	static const char *const logic[] = {"and", "and", "or", "or", "xor"};
	static const char *const orders[] = {"<", "<=", ">", ">="};
	uint64_t kind = draw_below(&work->draw, 100);

	if (depth == 0)
		return kind < 50   ? node("exists", json_string(random_name(work)), NULL)
		       : kind < 75 ? node("attribute", json_string("flag"), NULL)
				   : node("boolean", json_boolean(kind % 2), NULL);
	if (kind < 32)
		return make_equality(work, depth);
	if (kind < 44)
		return make_like(work, kind < 41 ? "like" : "notlike");
	if (kind < 54)
		return make_in(work, kind < 51 ? "in" : "notin", depth);
	if (kind < 58)
		return node("exists", json_string(random_name(work)), NULL);
	if (kind < 66)
		return node("not", make_boolean(work, depth - 1), NULL);
	if (kind < 80)
		return node(PICK(work, logic), make_boolean(work, depth - 1),
			make_boolean(work, depth - 1));
	if (kind < 89)
		return node(PICK(work, orders), make_number(work, depth - 1),
			make_number(work, depth - 1));
	if (kind < 92)
		return make_call("BOOL", make_any(work, depth - 1));
	return kind < 96 ? make_any(work, depth - 1) : make_boolean(work, 0);
}

/* Writing. */

static const struct {
	const char *op, *word;
	unsigned level; /* 3.6: the higher, the looser it binds */
} operators[] = {{"not", "NOT", 2}, {"minus", "-", 2}, {"like", "LIKE", 3},
	{"notlike", "NOT LIKE", 3}, {"exists", "EXISTS", 4}, {"in", "IN", 5},
	{"notin", "NOT IN", 5}, {"*", "*", 6}, {"/", "/", 6}, {"%", "%", 6}, {"+", "+", 7},
	{"-", "-", 7}, {"=", "=", 8}, {"!=", "!=", 8}, {"<>", "<>", 8}, {"<", "<", 8},
	{"<=", "<=", 8}, {">", ">", 8}, {">=", ">=", 8}, {"and", "AND", 9}, {"or", "OR", 9},
	{"xor", "XOR", 9}};

#define LOOSEST 9

/* In capitals, or in small letters. */
static void write_word(struct random_work *work, struct bud_buffer *out, const char *word)
{
	bool is_small = draw_percent(&work->draw, 30);

	for (; *word; word++)
		bud_buffer_byte(
			out, is_small && *word >= 'A' && *word <= 'Z' ? (char)(*word + 32) : *word);
}

static void write_space(struct random_work *work, struct bud_buffer *out)
{
	bud_buffer_text(out, draw_percent(&work->draw, 95) ? " " : "\t \n");
}

static void write_string(struct random_work *work, struct bud_buffer *out, const char *text)
{
	char quote = draw_percent(&work->draw, 70) ? '\'' : '"';

	bud_buffer_byte(out, quote);
	for (; *text; text++) {
		if (*text == quote)
			bud_buffer_byte(out, '\\');
		bud_buffer_byte(out, *text);
	}
	bud_buffer_byte(out, quote);
}

static void write_tree(
	struct random_work *work, struct bud_buffer *out, const json_t *tree, unsigned loosest);

static void write_list(
	struct random_work *work, struct bud_buffer *out, const json_t *list, size_t from)
{
	bud_buffer_byte(out, '(');
	for (size_t i = from; i < json_array_size(list); i++) {
		bud_buffer_text(out, i > from ? ", " : "");
		write_tree(work, out, json_array_get(list, i), LOOSEST);
	}
	bud_buffer_byte(out, ')');
}

static void write_leaf(struct random_work *work, struct bud_buffer *out, const json_t *tree)
{
	const char *op = json_string_value(json_array_get(tree, 0));
	const json_t *value = json_array_get(tree, 1);

	if (is(op, "string"))
		write_string(work, out, json_string_value(value));
	else if (is(op, "integer"))
		bud_buffer_format(out, "%lld", (long long)json_integer_value(value));
	else if (is(op, "boolean"))
		write_word(work, out, json_is_true(value) ? "TRUE" : "FALSE");
	else if (is(op, "attribute"))
		bud_buffer_text(out, json_string_value(value));
	else if (is(op, "call")) {
		write_word(work, out, json_string_value(value));
		write_list(work, out, tree, 2);
	}
}

static void write_operator(
	struct random_work *work, struct bud_buffer *out, const json_t *tree, size_t which)
{
	const char *op = operators[which].op;
	const json_t *first = json_array_get(tree, 1);
	const json_t *second = json_array_get(tree, 2);
	unsigned level = operators[which].level;
	bool is_infix = second != NULL;

	if (is_infix) {
		write_tree(work, out, first, level);
		write_space(work, out);
	}
	write_word(work, out, operators[which].word);
	write_space(work, out);
	if (is(op, "exists"))
		bud_buffer_text(out, json_string_value(first));
	else if (!is_infix)
		write_tree(work, out, first, level);
	else if (json_is_string(second))
		write_string(work, out, json_string_value(second));
	else if (is(op, "in") || is(op, "notin"))
		write_list(work, out, second, 0);
	else
		write_tree(work, out, second, level - 1);
}

static void write_tree(
	struct random_work *work, struct bud_buffer *out, const json_t *tree, unsigned loosest)
{
	const char *op = json_string_value(json_array_get(tree, 0));
	bool has_parentheses = draw_percent(&work->draw, 10);
	size_t i = 0;

	while (i < COUNT(operators) && !is(operators[i].op, op))
		i++;
	if (i < COUNT(operators) && operators[i].level > loosest)
		has_parentheses = true;
	bud_buffer_text(out, has_parentheses ? "(" : "");
	if (i < COUNT(operators))
		write_operator(work, out, tree, i);
	else
		write_leaf(work, out, tree);
	bud_buffer_text(out, has_parentheses ? ")" : "");
}

static json_t *make_tree(struct random_work *work)
{
	json_t *tree;

	if (draw_percent(&work->draw, 3))
		return node("=", node("attribute", json_string("type"), NULL),
			node("string", json_string("no.budstikke.delivery.dead"), NULL));
	if (draw_percent(&work->draw, 5))
		return draw_percent(&work->draw, 70) ? make_number(work, DEPTH_MAX)
						     : make_text(work, DEPTH_MAX);
	tree = make_boolean(work, DEPTH_MAX);
	for (size_t more = draw_below(&work->draw, 3); more > 0; more--)
		tree = node("and", tree, make_boolean(work, DEPTH_MAX));
	return tree;
}

json_t *random_sql_filter(struct random_work *work)
{
	bud_auto(buffer) struct bud_buffer text = {0};
	json_t *tree = NULL;
	json_t *filter;

	do {
		json_decref(tree);
		bud_buffer_clear(&text);
		tree = make_tree(work);
		write_tree(work, &text, tree, LOOSEST);
	} while (text.len > TEXT_BYTES_MAX);
	filter = json_object();
	json_object_set_new(filter, "sql", json_string(text.at));
	naive_sql_remember(text.at, tree);
	return filter;
}

/* Of a chain of ANDs. */
static void fit_tree(struct random_work *work, json_t *attributes, const json_t *tree)
{
	const char *op = json_string_value(json_array_get(tree, 0));
	const json_t *left = json_array_get(tree, 1);
	const json_t *right = json_array_get(tree, 2);
	const char *name = json_string_value(json_array_get(left, 1));

	if (is(op, "and")) {
		fit_tree(work, attributes, left);
		fit_tree(work, attributes, right);
		return;
	}
	if (!json_is_array(left) || !is(json_string_value(json_array_get(left, 0)), "attribute") ||
		is(name, "seq") || is(name, "flag"))
		return;
	if (is(op, "in"))
		right = json_array_get(right, 0);
	if ((is(op, "=") || is(op, "in")) &&
		is(json_string_value(json_array_get(right, 0)), "string"))
		json_object_set_new(
			attributes, name, json_string(json_string_value(json_array_get(right, 1))));
	if (is(op, "like")) {
		const char *pattern = json_string_value(right);
		size_t len = strcspn(pattern, "%_\\");
		if (len > 0)
			json_object_set_new(attributes, name, json_stringn(pattern, len));
	}
}

void random_sql_fit(struct random_work *work, json_t *attributes, const char *text)
{
	fit_tree(work, attributes, naive_sql_tree(text));
}
