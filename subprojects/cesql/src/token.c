#include "token.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

bool cesql_fault_set(struct cesql_fault *fault, size_t offset, const char *format, ...)
{
	va_list arguments;
	struct cesql_text written;

	fault->offset = offset;
	va_start(arguments, format);
	vsnprintf(fault->message, sizeof(fault->message), format, arguments);
	va_end(arguments);
	/* A character that was cut in two goes. */
	written = (struct cesql_text){fault->message, strlen(fault->message)};
	fault->message[cesql_utf8_check(written)] = '\0';
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

const char *cesql_token_quote(const struct cesql_token *token, char *to)
{
	size_t room = CESQL_QUOTED_BYTES - 6; /* for the quotes, the points and the NUL */
	struct cesql_text text = token->text;
	size_t n = 0;
	size_t used = 0;

	if (token->kind == CESQL_TOKEN_END)
		return strcpy(to, "the end");
	while (n < text.len && n < room)
		n += cesql_utf8_step((struct cesql_text){text.at + n, text.len - n});
	if (n > room)
		n -= cesql_utf8_last((struct cesql_text){text.at, n}, 1);
	to[used++] = '`';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text.at[i];
		to[used++] = c < 0x20 || c == 0x7F ? '?' : text.at[i];
	}
	strcpy(to + used, n < text.len ? "...`" : "`");
	return to;
}

static const struct keyword {
	const char *word;
	enum cesql_token_kind kind;
	enum cesql_operator how;
} keywords[] = {
	{"AND", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_AND},
	{"OR", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_OR},
	{"XOR", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_XOR},
	{"NOT", CESQL_TOKEN_NOT, CESQL_OPERATOR_NONE},
	{"LIKE", CESQL_TOKEN_LIKE, CESQL_OPERATOR_NONE},
	{"EXISTS", CESQL_TOKEN_EXISTS, CESQL_OPERATOR_NONE},
	{"IN", CESQL_TOKEN_IN, CESQL_OPERATOR_NONE},
	{"TRUE", CESQL_TOKEN_TRUE, CESQL_OPERATOR_NONE},
	{"FALSE", CESQL_TOKEN_FALSE, CESQL_OPERATOR_NONE},
};

/* Longer ones first. */
static const struct keyword signs[] = {
	{"!=", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_NOT_EQUAL},
	{"<>", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_NOT_EQUAL},
	{"<=", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_LESS_EQUAL},
	{">=", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_GREATER_EQUAL},
	{"=", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_EQUAL},
	{"<", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_LESS},
	{">", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_GREATER},
	{"+", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_ADD},
	{"-", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_SUBTRACT},
	{"*", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_MULTIPLY},
	{"/", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_DIVIDE},
	{"%", CESQL_TOKEN_OPERATOR, CESQL_OPERATOR_REMAINDER},
	{"(", CESQL_TOKEN_OPEN, CESQL_OPERATOR_NONE},
	{")", CESQL_TOKEN_CLOSE, CESQL_OPERATOR_NONE},
	{",", CESQL_TOKEN_COMMA, CESQL_OPERATOR_NONE},
};

/* What people write who know other languages, and what it is called here. */
static const struct {
	const char *sign, *instead;
} strangers[] = {
	{"==", "equality is written ="},
	{"&&", "write AND"},
	{"||", "write OR, or CONCAT() for texts"},
	{"!", "write NOT"},
	{"^", "write XOR"},
	{";", "an expression ends without a sign"},
};

static bool is_keyword(struct cesql_text text, const char *word)
{
	if (text.len != strlen(word))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if ((text.at[i] & ~0x20) != word[i])
			return false;
	}
	return true;
}

static bool read_word(struct cesql_text rest, struct cesql_token *token, struct cesql_fault *fault)
{
	bool has_digit = false;
	bool has_letter = false;
	bool has_underscore = false;
	char quoted[CESQL_QUOTED_BYTES];
	size_t n = 0;

	for (; n < rest.len && (is_letter(rest.at[n]) || is_digit(rest.at[n]) || rest.at[n] == '_');
		n++) {
		has_digit |= is_digit(rest.at[n]);
		has_letter |= is_letter(rest.at[n]);
		has_underscore |= rest.at[n] == '_';
	}
	token->text = (struct cesql_text){rest.at, n};
	token->kind = has_letter ? CESQL_TOKEN_WORD : CESQL_TOKEN_DIGITS;
	if (has_underscore) {
		token->kind = CESQL_TOKEN_NAME;
		if (has_digit || !is_letter(rest.at[0]))
			return cesql_fault_set(fault, token->offset,
				"%s is no name: an attribute has letters and digits, a function "
				"letters and _ after a letter",
				cesql_token_quote(token, quoted));
		return true;
	}
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (is_keyword(token->text, keywords[i].word)) {
			token->kind = keywords[i].kind;
			token->how = keywords[i].how;
		}
	}
	return true;
}

static bool read_string(
	struct cesql_text rest, struct cesql_token *token, struct cesql_fault *fault)
{
	char quote = rest.at[0];
	size_t i = 1;

	while (i < rest.len) {
		if (rest.at[i] == '\\') {
			i += 2; /* the first byte of a character; what follows it is no quote */
		} else if (rest.at[i] != quote) {
			i++;
		} else if (i + 1 < rest.len && rest.at[i + 1] == quote) {
			i += 2;
		} else {
			token->kind = CESQL_TOKEN_STRING;
			token->text = (struct cesql_text){rest.at, i + 1};
			return true;
		}
	}
	return cesql_fault_set(fault, token->offset,
		"this text does not end: a %c must close it (and is written \\%c inside)", quote,
		quote);
}

static bool begins_with(struct cesql_text text, const char *sign)
{
	size_t len = strlen(sign);

	return text.len >= len && memcmp(text.at, sign, len) == 0;
}

static bool read_sign(struct cesql_text rest, struct cesql_token *token, struct cesql_fault *fault)
{
	char quoted[CESQL_QUOTED_BYTES];

	if (!begins_with(rest, "==")) {
		for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
			if (!begins_with(rest, signs[i].word))
				continue;
			token->kind = signs[i].kind;
			token->how = signs[i].how;
			token->text = (struct cesql_text){rest.at, strlen(signs[i].word)};
			return true;
		}
	}
	token->kind = CESQL_TOKEN_NAME;
	token->text = (struct cesql_text){rest.at, cesql_utf8_step(rest)};
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		if (begins_with(rest, strangers[i].sign))
			return cesql_fault_set(fault, token->offset, "%s is no operator: %s",
				strangers[i].sign, strangers[i].instead);
	}
	return cesql_fault_set(fault, token->offset,
		"%s has no meaning here; a text stands in '' or \"\", a name has letters and "
		"digits",
		cesql_token_quote(token, quoted));
}

bool cesql_token_read(struct cesql_text expression, size_t offset, struct cesql_token *out_token,
	struct cesql_fault *fault)
{
	struct cesql_text rest;

	while (offset < expression.len && is_space(expression.at[offset]))
		offset++;
	rest = (struct cesql_text){expression.at + offset, expression.len - offset};
	*out_token = (struct cesql_token){.kind = CESQL_TOKEN_END,
		.how = CESQL_OPERATOR_NONE,
		.offset = offset,
		.text = {rest.at, 0}};
	if (rest.len == 0)
		return true;
	if (is_letter(rest.at[0]) || is_digit(rest.at[0]) || rest.at[0] == '_')
		return read_word(rest, out_token, fault);
	if (rest.at[0] == '\'' || rest.at[0] == '"')
		return read_string(rest, out_token, fault);
	return read_sign(rest, out_token, fault);
}

size_t cesql_token_string(const struct cesql_token *token, char *to)
{
	const char *at = token->text.at;
	size_t end = token->text.len - 1;
	size_t used = 0;

	for (size_t i = 1; i < end; i++) {
		if (at[i] == at[0]) {
			i++; /* the first of two */
		} else if (at[i] == '\\' && at[i + 1] == at[0]) {
			i++;
		} else if (at[i] == '\\') {
			to[used++] =
				at[i++]; /* and what follows, even a backslash, is not special */
		}
		to[used++] = at[i];
	}
	return used;
}
