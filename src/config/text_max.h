/* The longest text of a setting: so that it fits on one line of a file. */
#pragma once

#define BUD_CONFIG_TEXT_MAX 180
