/* The table of cases.txt: its event, and its lines one by one. */
#pragma once
#include <stdio.h>

#include "cesql.h"

/* The event of the table: an attribute function for it needs no data. */
extern const struct cesql_event cases_event;

struct cases_line {
	size_t number;
	char *expression; /* NUL-terminated, and so is the next */
	char *expected;
};
/* Reads the next case into `buffer`; false at the end. Ends the process on a line that is none. */
bool cases_read(FILE *file, char *buffer, size_t room, struct cases_line *line);
