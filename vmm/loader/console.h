/* SPDX-License-Identifier: Apache-2.0 */
/* The first serial port, COM1: 115200 baud, 8 bits, no parity. */
#ifndef HG_LOADER_CONSOLE_H
#define HG_LOADER_CONSOLE_H

#include <stdint.h>

void console_init(void);

/* Print @text; "\n" becomes a new line. Never waits for long: the port may be missing. */
void say(const char *text);

/* Print @value, in decimal. */
void say_number(uint64_t value);

#endif
