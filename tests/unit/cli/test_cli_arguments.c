/* Each option sets what it names and nothing else; what is wrong is told with what would be right;
 * the help shows every option. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "cli/arguments.h"
#include "core/error.h"
#include "core/text.h"

static bool is_loud;
static const char *name;
static int64_t number;
static struct bud_words words;
static struct bud_words operands;
static struct bud_error error;

static const struct bud_option options[] = {
	{"--loud", BUD_OPTION_SWITCH, &is_loud, NULL, "Shout.", 0, 0},
	{"--name", BUD_OPTION_TEXT, &name, "NAME", "A name.", 0, 0},
	{"--number", BUD_OPTION_NUMBER, &number, "N", "A number.", 2, 30},
	{"--word-of-some-length", BUD_OPTION_LIST, &words, "WORD", "A word.\nOr two.", 0, 0},
};
static const struct bud_arguments with_operands = {
	"thing [OPTION]... FILE...", "Does it.\n", options, 4, "  like so\n", &operands};
static const struct bud_arguments without = {"thing", "Does it.\n", options, 4, NULL, NULL};

static int parse(const struct bud_arguments *arguments, char **argv)
{
	int argc = 0;

	is_loud = false;
	name = "default";
	number = 7;
	bud_words_finish(&words);
	bud_words_finish(&operands);
	while (argv[argc])
		argc++;
	return bud_arguments_parse(arguments, argc, argv, &error);
}

#define PARSE(arguments, ...) parse(&arguments, (char *[]){"thing", __VA_ARGS__, NULL})

static void test_sets_what_is_given(void **state)
{
	(void)state;
	assert_int_equal(0, parse(&without, (char *[]){"thing", NULL}));
	assert_false(is_loud);
	assert_string_equal("default", name);
	assert_int_equal(7, number);
	assert_int_equal(0, PARSE(without, "--loud", "--name", "--x", "--number=30",
				    "--word-of-some-length", "a", "--word-of-some-length=b=c"));
	assert_true(is_loud);
	assert_string_equal("--x", name);
	assert_int_equal(30, number);
	assert_int_equal(2, words.n);
	assert_string_equal("a", words.list[0]);
	assert_string_equal("b=c", words.list[1]);
}

static void test_operands(void **state)
{
	(void)state;
	assert_int_equal(0, PARSE(with_operands, "a", "-", "--loud", "--", "--name", "-"));
	assert_int_equal(4, operands.n);
	assert_string_equal("-", operands.list[1]);
	assert_string_equal("--name", operands.list[2]);
	assert_true(is_loud);
	assert_string_equal("default", name);
	assert_int_equal(-EINVAL, PARSE(without, "a"));
	assert_non_null(strstr(error.text, "\"a\""));
}

static void test_refuses(void **state)
{
	static const char *const bad[] = {"1", "31", "-3", "x", "", "5 ", "99999999999999999999"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(-EINVAL, PARSE(without, "--number", (char *)bad[i]));
		assert_non_null(strstr(error.text, "from 2 to 30"));
		assert_int_equal(7, number);
	}
	assert_int_equal(-EINVAL, PARSE(without, "--name"));
	assert_string_equal("--name", error.member);
	assert_int_equal(-EINVAL, PARSE(without, "--loud=yes"));
	assert_int_equal(-EINVAL, PARSE(without, "--nam=x"));
	assert_non_null(strstr(error.text, "--nam"));
	assert_null(strstr(error.text, "--nam=x"));
	assert_int_equal(-EINVAL, PARSE(without, "-l"));
}

static void test_help(void **state)
{
	bud_auto(buffer) struct bud_buffer out = {0};

	(void)state;
	assert_int_equal(1, PARSE(without, "--loud", "--help", "--nonsense"));
	assert_int_equal(1, PARSE(without, "-h"));
	assert_int_equal(0, PARSE(with_operands, "--", "--help"));
	bud_arguments_write_help(&with_operands, &out);
	assert_string_equal("Usage: budstikke thing [OPTION]... FILE...\n\nDoes it.\n\nOptions:\n"
			    "  --loud                  Shout.\n"
			    "  --name NAME             A name.\n"
			    "  --number N              A number.\n"
			    "  --word-of-some-length WORD...\n"
			    "                          A word.\n"
			    "                          Or two.\n"
			    "  --help                  Say this and do nothing.\n"
			    "\nExamples:\n  like so\n",
		out.at);
	bud_words_finish(&operands);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sets_what_is_given),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_help),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	bud_words_finish(&words);
	bud_words_finish(&operands);
	return failed;
}
