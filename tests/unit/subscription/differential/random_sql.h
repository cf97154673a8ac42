/* Random expressions of CloudEvents SQL, as text for the program and as trees for naive_sql.h. */
#pragma once
#include "random_work.h"

/* A filter of the dialect `sql`, to be released by the caller; its tree is remembered. */
json_t *random_sql_filter(struct random_work *work);
/* Sets attributes so that the expression passes, as far as that is simple. */
void random_sql_fit(struct random_work *work, json_t *attributes, const char *text);
