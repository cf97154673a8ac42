/* URIs by the letter of RFC 3986: only whether they are well-formed. */
#pragma once
#include <stdbool.h>
#include "core/text.h"

/* Section 4.1: absolute or relative. The empty text is one, too. */
bool bud_uri_is_reference(struct bud_span text);
/* Section 3: with a scheme. A fragment is allowed: schemas are often named by one. */
bool bud_uri_is_absolute(struct bud_span text);
/* Whether a path has a segment that is . or .., encoded or not: who resolves it reads another path.
 */
bool bud_uri_has_dots(struct bud_span path);
/* Whether `text` lies under `base`: the same scheme, host and port, and its path begins with that
 * of the base up to its last slash. So "https://h/a/b" is a base of what "https://h/a/" is one of.
 * False for what has no host. With dots in its path a text lies under the bases of its whole host
 * only, and a base has nothing under it. */
bool bud_uri_is_base(struct bud_span base, struct bud_span text);
/* The same asked of prefixes: `base` is a base of `text` exactly if what this writes of `text`
 * begins with what it writes of `base` as a folder; both may be cut to as many bytes. Writes up to
 * `room` bytes and returns how many; 0 for what has no host, and for a folder with dots. */
enum bud_uri_part {
	BUD_URI_WHOLE,
	BUD_URI_FOLDER, /* up to the last slash of its path */
};
size_t bud_uri_write_place(struct bud_span text, enum bud_uri_part part, char *out, size_t room);
