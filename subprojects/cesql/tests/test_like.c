/* LIKE against a table of all prefixes, by characters: texts of several hundred bytes, and patterns
 * made of them by leaving out, replacing and spoiling characters, so that most nearly fit.
 *
 *   test_like [SEED [PATTERNS]] */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_tree.h"

#define PATTERNS_DEFAULT 20000u
#define CHARACTERS_MAX   400u

static bool find_text(const void *event, struct cesql_text name, struct cesql_value *out_value)
{
	(void)name;
	out_value->type = CESQL_TYPE_STRING;
	out_value->string = *(const struct cesql_text *)event;
	return true;
}

/* fits[t]: the pattern so far stands for the first t characters. */
static bool is_like(const uint32_t *text, size_t text_n, const uint32_t *pattern, size_t pattern_n)
{
	bool fits[CHARACTERS_MAX + 1] = {true};

	for (size_t p = 0; p < pattern_n; p++) {
		bool next[CHARACTERS_MAX + 1] = {false};
		for (size_t t = 0; t <= text_n; t++) {
			if (pattern[p] == '%')
				next[t] = fits[t] || (t > 0 && next[t - 1]);
			else
				next[t] = t > 0 && fits[t - 1] &&
					  (pattern[p] == '_' || pattern[p] == text[t - 1]);
		}
		memcpy(fits, next, sizeof(fits));
	}
	return fits[text_n];
}

static uint32_t random_character(uint64_t *state)
{
	static const uint32_t characters[] = {'a', 'a', 'a', 'b', 0xE6, 0x672C, 0x1F600};

	return characters[random_below(state, sizeof(characters) / sizeof(characters[0]))];
}

static size_t make_text(uint64_t *state, uint32_t *text)
{
	size_t n = random_below(state, random_below(state, 4) ? 20 : CHARACTERS_MAX);

	for (size_t i = 0; i < n; i++)
		text[i] = random_character(state);
	return n;
}

static size_t make_pattern(uint64_t *state, const uint32_t *text, size_t n, uint32_t *pattern)
{
	size_t runs = 1 + random_below(state, 60); /* one in so many begins a % */
	size_t blanks = 2 + random_below(state, 10);
	size_t spoils = 5 + random_below(state, 100);
	size_t used = 0;

	for (size_t i = 0; i < n; i++) {
		if (random_below(state, runs) == 0) {
			pattern[used++] = '%';
			i += random_below(state, 6);
		} else if (random_below(state, blanks) == 0) {
			pattern[used++] = '_';
		} else if (random_below(state, spoils) == 0) {
			pattern[used++] = random_character(state);
		} else {
			pattern[used++] = text[i];
		}
	}
	if (random_below(state, 2))
		pattern[used++] = '%';
	return used;
}

/* 1 or 0: fits or not, and both agree; -1: the pattern has too long a part. */
static int compare(const struct cesql_text *text, bool expected, const char *pattern, size_t len)
{
	struct cesql_event event = {find_text, text};
	struct cesql_expression *expression;
	char written[CHARACTERS_MAX * 4 + 16];
	int written_len = sprintf(written, "x LIKE '%.*s'", (int)len, pattern);
	bool is;

	if (cesql_compile(written, (size_t)written_len, NULL, &expression, NULL) != 0)
		return -1;
	is = cesql_passes(expression, &event, NULL, 0);
	cesql_destroy(expression);
	if (is != expected) {
		printf("%.*s\n%s: expected %d\n", (int)text->len, text->at, written, expected);
		exit(1);
	}
	return is;
}

int main(int argc, char **argv)
{
	uint64_t state = (argc > 1 ? strtoull(argv[1], NULL, 0) : 1) * 0x9E3779B97F4A7C15u + 1;
	size_t n = argc > 2 ? strtoul(argv[2], NULL, 0) : PATTERNS_DEFAULT;
	size_t counts[2] = {0};
	size_t refused = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t text[CHARACTERS_MAX];
		uint32_t pattern[CHARACTERS_MAX + 1];
		char text_bytes[CHARACTERS_MAX * 4];
		char pattern_bytes[CHARACTERS_MAX * 4 + 4];
		size_t text_n = make_text(&state, text);
		size_t pattern_n = make_pattern(&state, text, text_n, pattern);
		struct cesql_text all = {text_bytes, random_encode(text, text_n, text_bytes)};
		int result = compare(&all, is_like(text, text_n, pattern, pattern_n), pattern_bytes,
			random_encode(pattern, pattern_n, pattern_bytes));
		if (result < 0)
			refused++;
		else
			counts[result]++;
	}
	printf("%zu fit, %zu do not, %zu are too long\n", counts[1], counts[0], refused);
	return counts[0] >= n / 10 && counts[1] >= n / 10 ? 0 : 1;
}
