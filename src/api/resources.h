/* The resources: every route table of the public API whose context is the desk. */
#pragma once
#include <stddef.h>
#include "http/route.h"

struct bud_api_desk; /* api/desk.h */

#define BUD_RESOURCES_TABLES 13

/* Fills `out_tables` with BUD_RESOURCES_TABLES tables; borrows the desk. */
void bud_resources_tables(struct bud_api_desk *desk, struct bud_route_table *out_tables);
