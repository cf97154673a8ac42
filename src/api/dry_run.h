/* A dry run of filters over the newest retained events. Within api/ only. */
#pragma once

struct bud_api_desk; /* api/desk.h */
struct bud_request;  /* http/request.h */
struct json_t;       /* jansson */

/* Answers the request; `body` has "filters" and may have "last". Borrows it until it returns. */
void bud_dry_run(struct bud_api_desk *desk, struct bud_request *request, const struct json_t *body);
