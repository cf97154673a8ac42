/* Tokens of an expression. */
#pragma once
#include "value.h"

enum cesql_token_kind {
	CESQL_TOKEN_END,
	CESQL_TOKEN_WORD,   /* letters and digits: an attribute, perhaps a function */
	CESQL_TOKEN_NAME,   /* letters and _: a function */
	CESQL_TOKEN_DIGITS, /* without a sign */
	CESQL_TOKEN_STRING,
	CESQL_TOKEN_OPERATOR, /* a binary one; - and + may also be a sign */
	CESQL_TOKEN_NOT,
	CESQL_TOKEN_LIKE,
	CESQL_TOKEN_EXISTS,
	CESQL_TOKEN_IN,
	CESQL_TOKEN_TRUE,
	CESQL_TOKEN_FALSE,
	CESQL_TOKEN_OPEN,
	CESQL_TOKEN_CLOSE,
	CESQL_TOKEN_COMMA
};
struct cesql_token {
	enum cesql_token_kind kind;
	enum cesql_operator how; /* of an OPERATOR */
	size_t offset;           /* bytes, in the expression */
	struct cesql_text text;  /* as it was written; a STRING with its quotes */
};

/* Reads the token at or after `offset` of a text that is valid UTF-8; the next is at its offset +
 * text.len. False: `fault` says what would be right. */
bool cesql_token_read(struct cesql_text expression, size_t offset, struct cesql_token *out_token,
	struct cesql_fault *fault);
/* Writes what a STRING says to `to`, which has room for as many bytes as it was written with;
 * returns how many. 2.2: \' in '' and \" in "" are the quote, and so are two of them (the grammar
 * of the specification allows for them); any other backslash is one. */
size_t cesql_token_string(const struct cesql_token *token, char *to);
/* Fills the fault and returns false. */
__attribute__((format(printf, 3, 4))) bool cesql_fault_set(
	struct cesql_fault *fault, size_t offset, const char *format, ...);
/* For messages: what was found, quoted and cut to fit. `to` has room for CESQL_QUOTED_BYTES. */
#define CESQL_QUOTED_BYTES 40
const char *cesql_token_quote(const struct cesql_token *token, char *to);
