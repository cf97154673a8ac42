/* Values of CloudEvents SQL in the second opinion: their types, casts and characters. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "naive_sql.h"

#define NAIVE_TEXT_MAX 2048

enum naive_type {
	NAIVE_STRING,
	NAIVE_INTEGER,
	NAIVE_BOOLEAN,
};

struct naive_value {
	enum naive_type type;
	enum naive_sql_error error;
	int64_t number; /* also of a boolean */
	char text[NAIVE_TEXT_MAX];
};

void naive_set(struct naive_value *out, enum naive_type type, int64_t number);
void naive_set_text(struct naive_value *out, const char *text);
/* Integers have 32 bits: there is no number beyond, which is an error. */
void naive_set_number(struct naive_value *out, int64_t number);
/* The zero of the type, and the error. */
void naive_fail(struct naive_value *out, enum naive_type type, enum naive_sql_error error);
/* By 3.7; false: it is now the zero of the type with a cast error. */
bool naive_cast(struct naive_value *value, enum naive_type type);

/* By characters, not by bytes. */
int64_t naive_characters(const char *text);
/* `n` of them from the one numbered `from`, counted from 0. */
void naive_keep(struct naive_value *value, int64_t from, int64_t n);
bool naive_is_like(const char *text, const char *pattern);
/* Letters up to Latin 1. */
void naive_change_case(char *text, bool is_upper);
/* Of spaces. */
void naive_trim(struct naive_value *value);
