/* A second opinion on CloudEvents SQL v1: evaluates trees, by the letter of the specification (3.1
 * to 3.7), and knows nothing of how the program reads, compiles or runs expressions. A tree is
 * JSON:
 *
 *   ["string","a"] ["integer",1] ["boolean",true] ["attribute","type"] ["exists","type"]
 *   ["and",L,R] or xor; = != <> < <= > >=; + - * / %; ["not",E] ["minus",E]
 *   ["like",E,"a%"] ["notlike",E,"a%"] ["in",E,[E,E]] ["notin",E,[E,E]] ["call","LEFT",E,E] */
#pragma once
#include "naive.h"

enum naive_sql_error {
	NAIVE_SQL_NONE,
	NAIVE_SQL_MATH,
	NAIVE_SQL_CAST,
	NAIVE_SQL_MISSING_ATTRIBUTE,
	NAIVE_SQL_FUNCTION_EVALUATION,
	NAIVE_SQL_NOT_BOOLEAN, /* no error of the specification, but as a filter it does not pass */
	NAIVE_SQL_ERRORS,
};

extern const char *const naive_sql_error_names[NAIVE_SQL_ERRORS];

/* What the expression `text` means; taken. */
void naive_sql_remember(const char *text, json_t *tree);
const json_t *naive_sql_tree(const char *text);
void naive_sql_forget_all(void);
/* As a filter. What ended it is in `out_error`; `operators`, an object, counts by name what was
 * evaluated on the way. */
bool naive_sql_passes(const char *text, const struct naive_event *event, json_t *operators,
	enum naive_sql_error *out_error);
