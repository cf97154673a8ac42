/* Status codes in words: the reason on the wire and the slug of our own problems. */
#pragma once

/* "" when the code is not one we use. */
const char *bud_status_reason(int status);
/* The kind of problem that the server itself answers with this code, e.g. "not-found". */
const char *bud_status_slug(int status);
