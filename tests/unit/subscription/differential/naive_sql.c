/* A second opinion on CloudEvents SQL. An operand with an error makes the operator give the zero of
 * what it returns and this error; the trees are a few levels deep, so the walk calls itself. */
#include "naive_sql.h"

#include <stdlib.h>
#include <string.h>

#include "naive_value.h"

const char *const naive_sql_error_names[NAIVE_SQL_ERRORS] = {
	"none", "math", "cast", "missingAttribute", "functionEvaluation", "not a boolean"};

struct walk {
	const struct naive_event *event;
	json_t *operators;
};

static json_t *trees;

void naive_sql_remember(const char *text, json_t *tree)
{
	if (!trees)
		trees = json_object();
	json_object_set_new(trees, text, tree);
}

const json_t *naive_sql_tree(const char *text)
{
	return json_object_get(trees, text);
}

void naive_sql_forget_all(void)
{
	json_decref(trees);
	trees = NULL;
}

static bool is(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && !is(*list, word))
		list++;
	return *list != NULL;
}

static void evaluate(const struct walk *walk, const json_t *tree, struct naive_value *out);

/* False: `out` is the zero of `result` with the operand's error. */
static bool operand(const struct walk *walk, const json_t *tree, enum naive_type type,
	enum naive_type result, struct naive_value *out)
{
	evaluate(walk, tree, out);
	if (out->error == NAIVE_SQL_NONE && naive_cast(out, type))
		return true;
	naive_fail(out, result, out->error);
	return false;
}

static const json_t *part(const json_t *tree, size_t i)
{
	return json_array_get(tree, i);
}

/* Operators. */

static void logic(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	const char *op = json_string_value(part(tree, 0));
	bool left;

	if (!operand(walk, part(tree, 1), NAIVE_BOOLEAN, NAIVE_BOOLEAN, out))
		return;
	left = out->number;
	if ((is(op, "and") && !left) || (is(op, "or") && left))
		return;
	if (operand(walk, part(tree, 2), NAIVE_BOOLEAN, NAIVE_BOOLEAN, out) && is(op, "xor"))
		out->number = left != (out->number != 0);
}

static bool equals(const struct naive_value *a, const struct naive_value *b)
{
	return a->type == NAIVE_STRING ? is(a->text, b->text) : a->number == b->number;
}

static void equality(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	bool wanted = is(json_string_value(part(tree, 0)), "=");
	struct naive_value *left = malloc(sizeof(*left));

	if (!left)
		abort();
	evaluate(walk, part(tree, 1), left);
	if (left->error != NAIVE_SQL_NONE) {
		naive_fail(out, NAIVE_BOOLEAN, left->error);
	} else {
		evaluate(walk, part(tree, 2), out);
		if (out->error != NAIVE_SQL_NONE)
			naive_fail(out, NAIVE_BOOLEAN, out->error);
		else if (!naive_cast(left, out->type))
			naive_fail(out, NAIVE_BOOLEAN, NAIVE_SQL_CAST);
		else
			naive_set(out, NAIVE_BOOLEAN, equals(left, out) == wanted);
	}
	free(left);
}

static void order(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	const char *op = json_string_value(part(tree, 0));
	int64_t left, right;

	if (!operand(walk, part(tree, 1), NAIVE_INTEGER, NAIVE_BOOLEAN, out))
		return;
	left = out->number;
	if (!operand(walk, part(tree, 2), NAIVE_INTEGER, NAIVE_BOOLEAN, out))
		return;
	right = out->number;
	if (is(op, "<"))
		naive_set(out, NAIVE_BOOLEAN, left < right);
	else if (is(op, "<="))
		naive_set(out, NAIVE_BOOLEAN, left <= right);
	else if (is(op, ">"))
		naive_set(out, NAIVE_BOOLEAN, left > right);
	else
		naive_set(out, NAIVE_BOOLEAN, left >= right);
}

static void arithmetic(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	char op = *json_string_value(part(tree, 0));
	int64_t left, right;

	if (!operand(walk, part(tree, 1), NAIVE_INTEGER, NAIVE_INTEGER, out))
		return;
	left = out->number;
	if (!operand(walk, part(tree, 2), NAIVE_INTEGER, NAIVE_INTEGER, out))
		return;
	right = out->number;
	if ((op == '/' || op == '%') && right == 0)
		naive_fail(out, NAIVE_INTEGER, NAIVE_SQL_MATH);
	else if (op == '+')
		naive_set_number(out, left + right);
	else if (op == '-')
		naive_set_number(out, left - right);
	else if (op == '*')
		naive_set_number(out, left * right);
	else if (op == '/')
		naive_set_number(out, left / right);
	else
		naive_set_number(out, left % right);
}

static void like(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	bool wanted = is(json_string_value(part(tree, 0)), "like");

	if (operand(walk, part(tree, 1), NAIVE_STRING, NAIVE_BOOLEAN, out))
		naive_set(out, NAIVE_BOOLEAN,
			naive_is_like(out->text, json_string_value(part(tree, 2))) == wanted);
}

static void in(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	bool wanted = is(json_string_value(part(tree, 0)), "in");
	const json_t *set_of = part(tree, 2);
	struct naive_value *left = malloc(sizeof(*left));
	bool is_in = false;

	if (!left)
		abort();
	evaluate(walk, part(tree, 1), left);
	naive_set(out, NAIVE_BOOLEAN, 0);
	out->error = left->error;
	for (size_t i = 0; out->error == NAIVE_SQL_NONE && !is_in; i++) {
		if (i == json_array_size(set_of))
			break;
		evaluate(walk, part(set_of, i), out);
		if (out->error == NAIVE_SQL_NONE && naive_cast(out, left->type))
			is_in = equals(left, out);
	}
	if (out->error != NAIVE_SQL_NONE)
		naive_fail(out, NAIVE_BOOLEAN, out->error);
	else
		naive_set(out, NAIVE_BOOLEAN, is_in == wanted);
	free(left);
}

/* Functions. */

static void part_of(const char *name, struct naive_value *text, int64_t n)
{
	int64_t len = naive_characters(text->text);

	if (n < 0)
		text->error = NAIVE_SQL_FUNCTION_EVALUATION;
	else if (is(name, "LEFT"))
		naive_keep(text, 0, n);
	else
		naive_keep(text, n < len ? len - n : 0, len);
}

static void substring(struct naive_value *text, int64_t position, int64_t n)
{
	int64_t len = naive_characters(text->text);

	if (n < 0 || position > len || -position > len)
		naive_fail(text, NAIVE_STRING, NAIVE_SQL_FUNCTION_EVALUATION);
	else if (position == 0)
		naive_set_text(text, "");
	else
		naive_keep(text, position > 0 ? position - 1 : len + position, n);
}

/* CONCAT of all, CONCAT_WS with the first between the others. */
static void concatenate(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	bool has_separator = is(json_string_value(part(tree, 1)), "CONCAT_WS");
	char text[NAIVE_TEXT_MAX] = "";
	char separator[NAIVE_TEXT_MAX] = "";

	for (size_t i = 2; i < json_array_size(tree); i++) {
		if (!operand(walk, part(tree, i), NAIVE_STRING, NAIVE_STRING, out))
			return;
		if (strlen(text) + strlen(separator) + strlen(out->text) >= sizeof(text))
			abort();
		if (has_separator && i == 2) {
			strcpy(separator, out->text);
			continue;
		}
		if (has_separator && i > 3)
			strcat(text, separator);
		strcat(text, out->text);
	}
	naive_set_text(out, text);
}

static void call_with_numbers(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	const char *name = json_string_value(part(tree, 1));
	int64_t numbers[2] = {0, INT32_MAX};
	struct naive_value *number = malloc(sizeof(*number));

	if (!number)
		abort();
	if (operand(walk, part(tree, 2), NAIVE_STRING, NAIVE_STRING, out)) {
		for (size_t i = 3; out->error == NAIVE_SQL_NONE && i < json_array_size(tree); i++) {
			if (operand(walk, part(tree, i), NAIVE_INTEGER, NAIVE_STRING, number))
				numbers[i - 3] = number->number;
			else
				naive_fail(out, NAIVE_STRING, number->error);
		}
		if (out->error == NAIVE_SQL_NONE && is(name, "SUBSTRING"))
			substring(out, numbers[0], numbers[1]);
		else if (out->error == NAIVE_SQL_NONE)
			part_of(name, out, numbers[0]);
	}
	free(number);
}

static void call_with_one(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	const char *name = json_string_value(part(tree, 1));
	const json_t *argument = part(tree, 2);

	if (is(name, "ABS")) {
		if (operand(walk, argument, NAIVE_INTEGER, NAIVE_INTEGER, out))
			naive_set_number(out, llabs(out->number));
	} else if (is(name, "INT")) {
		operand(walk, argument, NAIVE_INTEGER, NAIVE_INTEGER, out);
	} else if (is(name, "BOOL")) {
		operand(walk, argument, NAIVE_BOOLEAN, NAIVE_BOOLEAN, out);
	} else if (is(name, "LENGTH")) {
		if (operand(walk, argument, NAIVE_STRING, NAIVE_INTEGER, out))
			naive_set_number(out, naive_characters(out->text));
	} else if (operand(walk, argument, NAIVE_STRING, NAIVE_STRING, out)) {
		if (is(name, "TRIM"))
			naive_trim(out);
		else if (!is(name, "STRING"))
			naive_change_case(out->text, is(name, "UPPER"));
	}
}

static void call(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	static const char *const with_numbers[] = {"LEFT", "RIGHT", "SUBSTRING", NULL};
	const char *name = json_string_value(part(tree, 1));

	if (is_one_of(name, with_numbers))
		call_with_numbers(walk, tree, out);
	else if (strncmp(name, "CONCAT", 6) == 0)
		concatenate(walk, tree, out);
	else
		call_with_one(walk, tree, out);
}

/* Numbers and booleans of an event have their types. */
static void attribute(const struct walk *walk, const char *name, struct naive_value *out)
{
	const char *have = json_string_value(json_object_get(walk->event->attributes, name));

	if (!have) {
		naive_fail(out, NAIVE_BOOLEAN, NAIVE_SQL_MISSING_ATTRIBUTE);
		return;
	}
	naive_set_text(out, have);
	if (is(name, "seq"))
		naive_cast(out, NAIVE_INTEGER);
	if (is(name, "flag"))
		naive_cast(out, NAIVE_BOOLEAN);
}

static void one_operand(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	if (is(json_string_value(part(tree, 0)), "not")) {
		if (operand(walk, part(tree, 1), NAIVE_BOOLEAN, NAIVE_BOOLEAN, out))
			out->number = !out->number;
	} else if (operand(walk, part(tree, 1), NAIVE_INTEGER, NAIVE_INTEGER, out)) {
		naive_set_number(out, -out->number);
	}
}

static void leaf(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	const char *op = json_string_value(part(tree, 0));
	const char *text = json_string_value(part(tree, 1));

	if (is(op, "string"))
		naive_set_text(out, text);
	else if (is(op, "integer"))
		naive_set(out, NAIVE_INTEGER, json_integer_value(part(tree, 1)));
	else if (is(op, "boolean"))
		naive_set(out, NAIVE_BOOLEAN, json_is_true(part(tree, 1)));
	else if (is(op, "attribute"))
		attribute(walk, text, out);
	else if (is(op, "exists"))
		naive_set(
			out, NAIVE_BOOLEAN, json_object_get(walk->event->attributes, text) != NULL);
	else
		abort();
}

static void count(const struct walk *walk, const json_t *tree)
{
	const char *op = json_string_value(part(tree, 0));

	if (is(op, "call"))
		op = json_string_value(part(tree, 1));
	json_object_set_new(walk->operators, op,
		json_integer(json_integer_value(json_object_get(walk->operators, op)) + 1));
}

static void evaluate(const struct walk *walk, const json_t *tree, struct naive_value *out)
{
	static const struct {
		const char *ops[6];
		void (*evaluate)(const struct walk *, const json_t *, struct naive_value *);
	} kinds[] = {
		{{"and", "or", "xor"}, logic},
		{{"=", "!=", "<>"}, equality},
		{{"<", "<=", ">", ">="}, order},
		{{"+", "-", "*", "/", "%"}, arithmetic},
		{{"not", "minus"}, one_operand},
		{{"like", "notlike"}, like},
		{{"in", "notin"}, in},
		{{"call"}, call},
	};
	const char *op = json_string_value(part(tree, 0));
	size_t i = 0;

	count(walk, tree);
	while (i < sizeof(kinds) / sizeof(*kinds) && !is_one_of(op, kinds[i].ops))
		i++;
	if (i < sizeof(kinds) / sizeof(*kinds))
		kinds[i].evaluate(walk, tree, out);
	else
		leaf(walk, tree, out);
}

bool naive_sql_passes(const char *text, const struct naive_event *event, json_t *operators,
	enum naive_sql_error *out_error)
{
	struct walk walk = {event, operators};
	const json_t *tree = naive_sql_tree(text);
	struct naive_value value;

	if (!tree)
		abort();
	evaluate(&walk, tree, &value);
	*out_error = value.error;
	if (value.error == NAIVE_SQL_NONE && value.type != NAIVE_BOOLEAN)
		*out_error = NAIVE_SQL_NOT_BOOLEAN;
	return *out_error == NAIVE_SQL_NONE && value.number != 0;
}
