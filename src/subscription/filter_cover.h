/* The cover of a filter: alternatives of literals of which one holds for every event that matches,
 * so that an index may file it under them. It need not be exact: what is found is asked whole. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bud_terms; /* subscription/filter_terms.h */

struct bud_cover {
	uint16_t n;      /* alternatives; 0: there is no cover */
	uint16_t len;    /* of the words */
	uint16_t *words; /* so many tests, then which, and again; free() it */
	bool is_wide;    /* none, because it would have too many alternatives */
	bool is_whole;   /* what it holds for matches */
};

/* Of terms whose tests are written (filter_program.h). */
void bud_cover_find(struct bud_terms *terms, struct bud_cover *out_cover);
