/* `budstikke serve`: starts everything in order, waits, drains, and ends everything. */
#pragma once

int bud_serve(int argc, char **argv);
