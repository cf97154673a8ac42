/* What an index relies on: conjuncts, the canonical form, and how much memory an expression takes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cesql.h"
#include "compile.h"

/* "type=a|b source~/x subject" for an index: any of, prefix, exists. */
static void write_conjuncts(const struct cesql_expression *expression, char *to)
{
	*to = '\0';
	for (size_t i = 0; i < cesql_conjuncts_n(expression); i++) {
		struct cesql_conjunct conjunct = cesql_conjunct(expression, i);
		to += sprintf(to, "%s%.*s", i > 0 ? " " : "", (int)conjunct.attribute.len,
			conjunct.attribute.at);
		for (size_t k = 0; k < conjunct.literals_n; k++) {
			struct cesql_text literal = cesql_literal(expression, i, k);
			to += sprintf(to, "%s%.*s",
				k > 0                                ? "|"
				: conjunct.need == CESQL_NEED_PREFIX ? "~"
								     : "=",
				(int)literal.len, literal.at);
		}
	}
}

/* Expressions and their conjuncts. */
static const char *const conjuncts_of[][2] = {
	{"type = 'a'", "type=a"},
	{"'a' = type", "type=a"},
	{"TYPE = \"it's\"", "type=it's"},
	{"type IN ('a', 'b', 'a')", "type=a|b"},
	{"type IN ('type', 'b') AND subject IN ('b', 'a', 'type')", "type=type|b subject=b|a|type"},
	{"type = 'b' AND type IN ('a', 'b', 'c') OR type = 'b'", ""},
	{"type = 'b' AND (type = 'a' OR type = 'b' OR type = 'type')", "type=b type=a|b|type"},
	{"type LIKE 'a'", "type=a"},
	{"type LIKE 'a%'", "type~a"},
	{"type LIKE 'a\\%b_c%'", "type~a%b"},
	{"subject LIKE '%a'", "subject"},
	{"type LIKE '%a'", ""},
	{"EXISTS subject", "subject"},
	{"EXISTS type", ""},
	{"type = 'a' AND source LIKE '/x%' AND EXISTS subject", "type=a source~/x subject"},
	{"(type = 'a' AND (source LIKE '/x%' AND EXISTS subject))", "type=a source~/x subject"},
	{"type = 'a' OR type = 'b'", "type=a|b"},
	{"type = 'a' OR 'b' = type OR type IN ('c', 'a') OR type LIKE 'd'", "type=a|b|c|d"},
	{"(type = 'a' OR type = 'b') AND subject = 'c'", "type=a|b subject=c"},
	{"type = 'a' OR subject = 'b'", ""},
	{"subject = 'a' OR type = 'b'", "subject"},
	{"type = 'a' OR type LIKE 'b%'", ""},
	{"type = 'a' AND subject = 'b' OR TRUE", ""},
	{"subject = 'a' OR TRUE AND type = 'b'", "subject type=b"},
	{"subject = 'a' XOR n = 1", "subject n"},
	{"type != 'a'", ""},
	{"subject <> 'a'", "subject"},
	{"subject NOT IN ('a')", "subject"},
	{"subject NOT LIKE 'a%'", "subject"},
	{"NOT (subject = 'a')", "subject"},
	{"NOT EXISTS subject", ""},
	{"INT(n) % 3 = 1 AND type = 'a'", "n type=a"},
	{"n = 5", "n"},
	{"n IN (5, missing)", "n"},
	{"n IN (zero, missing)", "n zero"},
	{"n = 5 AND n = '5' AND n > 1", "n n=5"},
	{"n = '5' AND n > 1", "n=5"},
	/* The same number can be written so, and the attribute may be one. */
	{"'05' = n", "n"},
	{"'5' = n", "n=5"},
	{"'TRUE' = yes", "yes"},
	{"yes = 'TRUE'", "yes=TRUE"},
	{"n IN ('5', '05')", "n"},
	{"n IN ('5', 'x', 'true')", "n=5|x|true"},
	{"FOO(subject)", ""},
	{"CONCAT(subject, type, n) = 'x'", "subject n"},
	{"subject", "subject"},
	{"TRUE", ""},
	{"yes AND no", "yes no"},
	{"a AND b OR c XOR d AND e", "a d e"},
	{"a AND (b OR c)", "a b"},
	{"type = CONCAT('a')", ""},
	{"type = UPPER('a')", "type=A"},
	{"type = ''", "type="},
};

static void conjuncts(void **state)
{
	char got[256];

	(void)state;
	for (size_t i = 0; i < sizeof(conjuncts_of) / sizeof(conjuncts_of[0]); i++) {
		struct cesql_expression *expression = compile(conjuncts_of[i][0]);
		write_conjuncts(expression, got);
		if (strcmp(got, conjuncts_of[i][1]) != 0)
			fail_msg("%s: expected `%s`, got `%s`", conjuncts_of[i][0],
				conjuncts_of[i][1], got);
		cesql_destroy(expression);
	}
}

static void canonical(void **state)
{
	static const char *const same[][2] = {
		{"type='a'", " TYPE = \"a\" "},
		{"a AND b", "(a)and(b)"},
		{"a AND b AND c", "(a AND b) AND c"},
		{"a<>'b'", "a != 'b'"},
		{"'it''s'", "'it\\'s'"},
		{"1 + 2", "3"},
		{"NOT TRUE", "false"},
		{"EXISTS id", "true"},
		{"a LIKE 'x%%'", "a LIKE 'x%'"},
		{"a LIKE 'x'", "a = 'x'"},
	};
	static const char *const other[][2] = {
		{"type = 'a'", "type = 'b'"},
		{"type = 'a'", "source = 'a'"},
		{"a AND b", "b AND a"},
		{"a AND b", "a OR b"},
		{"a AND (b OR c)", "a AND b OR c"},
		{"a = 'x'", "a != 'x'"},
		{"a = '5'", "a = 5"},
		{"'x' = a", "a = 'x'"},
		{"a LIKE 'x%'", "a LIKE 'x_'"},
		{"a LIKE 'x%'", "a LIKE 'x\\%'"},
		{"a IN ('x','y')", "a NOT IN ('x','y')"},
		{"a IN ('x','y')", "a IN ('xy')"},
		{"LEFT(a, 1)", "RIGHT(a, 1)"},
		{"TRUE", "1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]) + sizeof(other) / sizeof(other[0]);
		i++) {
		bool is_same = i < sizeof(same) / sizeof(same[0]);
		const char *const *pair =
			is_same ? same[i] : other[i - sizeof(same) / sizeof(same[0])];
		struct cesql_expression *a = compile(pair[0]);
		struct cesql_expression *b = compile(pair[1]);
		if (cesql_equals(a, b) != is_same)
			fail_msg("%s and %s", pair[0], pair[1]);
		assert_int_equal(cesql_hash(a) == cesql_hash(b), is_same);
		assert_true(cesql_canonical(a).len < cesql_size_bytes(a));
		cesql_destroy(a);
		cesql_destroy(b);
	}
	cesql_destroy(NULL);
}

static void sizes(void **state)
{
	struct cesql_expression *expression = compile("type = 'com.example' AND source LIKE '/a%'");

	(void)state;
	/* A million of them shall fit into memory. */
	assert_in_range(cesql_size_bytes(expression), 1, 128);
	cesql_destroy(expression);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conjuncts), cmocka_unit_test(canonical), cmocka_unit_test(sizes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
