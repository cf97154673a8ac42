/* The canonical order of terms: filters that differ only in how they are written become one. */
#pragma once

struct bud_terms; /* subscription/filter_terms.h */

/* Takes out what stands twice, is nested for nothing or negated twice, and orders members by what
 * asking them costs and then by what they say; lists run from the last to be asked to the first.
 * The first term stays the first, and may be of any kind then. */
void bud_terms_order(struct bud_terms *terms);
