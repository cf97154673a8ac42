/* Values of CloudEvents SQL in the second opinion. */
#include "naive_value.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void naive_set(struct naive_value *out, enum naive_type type, int64_t number)
{
	out->type = type;
	out->number = number;
	out->error = NAIVE_SQL_NONE;
	out->text[0] = '\0';
}

void naive_fail(struct naive_value *out, enum naive_type type, enum naive_sql_error error)
{
	naive_set(out, type, 0);
	out->error = error;
}

void naive_set_text(struct naive_value *out, const char *text)
{
	naive_set(out, NAIVE_STRING, 0);
	if (strlen(text) >= sizeof(out->text))
		abort();
	strcpy(out->text, text);
}

/* Integers have 32 bits; there is no number beyond. */
void naive_set_number(struct naive_value *out, int64_t number)
{
	if (number > INT32_MAX || number < INT32_MIN)
		naive_fail(out, NAIVE_INTEGER, NAIVE_SQL_MATH);
	else
		naive_set(out, NAIVE_INTEGER, number);
}

/* Casts (3.7); false: a cast error. */

static bool text_to_number(const char *text, int64_t *out)
{
	size_t sign = *text == '-' || *text == '+';
	size_t digits = strspn(text + sign, "0123456789");

	if (digits == 0 || text[sign + digits] || digits > 15)
		return false;
	*out = strtoll(text, NULL, 10);
	return *out <= INT32_MAX && *out >= INT32_MIN;
}

bool naive_cast(struct naive_value *value, enum naive_type type)
{
	static struct naive_value from;
	int64_t number = value->number;

	if (value->type == type)
		return true;
	from = *value;
	if (type == NAIVE_STRING && from.type == NAIVE_INTEGER) {
		naive_set(value, NAIVE_STRING, 0);
		snprintf(value->text, sizeof(value->text), "%lld", (long long)number);
		return true;
	}
	if (type == NAIVE_STRING) {
		naive_set_text(value, number ? "true" : "false");
		return true;
	}
	if (from.type != NAIVE_STRING) {
		naive_set(value, type, type == NAIVE_BOOLEAN ? number != 0 : number);
		return true;
	}
	if (type == NAIVE_INTEGER && text_to_number(from.text, &number)) {
		naive_set(value, NAIVE_INTEGER, number);
		return true;
	}
	if (type == NAIVE_BOOLEAN && strcasecmp(from.text, "true") == 0) {
		naive_set(value, NAIVE_BOOLEAN, 1);
		return true;
	}
	if (type == NAIVE_BOOLEAN && strcasecmp(from.text, "false") == 0) {
		naive_set(value, NAIVE_BOOLEAN, 0);
		return true;
	}
	naive_fail(value, type, NAIVE_SQL_CAST);
	return false;
}

/* Characters. */

static size_t character_len(const char *at)
{
	size_t len = 1;

	while (((unsigned char)at[len] & 0xc0) == 0x80)
		len++;
	return len;
}

int64_t naive_characters(const char *text)
{
	int64_t n = 0;

	for (; *text; text += character_len(text))
		n++;
	return n;
}

/* `n` characters from the one numbered `from`, counted from 0. */
void naive_keep(struct naive_value *value, int64_t from, int64_t n)
{
	char kept[NAIVE_TEXT_MAX];
	const char *start = value->text;
	const char *end;

	while (from-- > 0 && *start)
		start += character_len(start);
	for (end = start; n-- > 0 && *end;)
		end += character_len(end);
	snprintf(kept, sizeof(kept), "%.*s", (int)(end - start), start);
	naive_set_text(value, kept);
}

/* By trying: the patterns of these tests are short. */
bool naive_is_like(const char *text, const char *pattern)
{
	if (*pattern == '\0')
		return *text == '\0';
	if (*pattern == '%') {
		if (naive_is_like(text, pattern + 1))
			return true;
		return *text && naive_is_like(text + character_len(text), pattern);
	}
	if (*text == '\0')
		return false;
	if (*pattern == '_')
		return naive_is_like(text + character_len(text), pattern + 1);
	if (*pattern == '\\' && (pattern[1] == '%' || pattern[1] == '_'))
		pattern++;
	return *text == *pattern && naive_is_like(text + 1, pattern + 1);
}

void naive_change_case(char *text, bool is_upper)
{
	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x80)
			*at = (char)(is_upper ? toupper(*at) : tolower(*at));
		else if ((unsigned char)*at == 0xc3 && at[1]) { /* Latin 1: one bit apart */
			at++;
			*at = (char)(is_upper ? *at & ~0x20 : *at | 0x20);
		}
	}
}

void naive_trim(struct naive_value *value)
{
	size_t start = strspn(value->text, " ");
	size_t end = strlen(value->text);
	char kept[NAIVE_TEXT_MAX];

	while (end > start && value->text[end - 1] == ' ')
		end--;
	snprintf(kept, sizeof(kept), "%.*s", (int)(end - start), value->text + start);
	naive_set_text(value, kept);
}
