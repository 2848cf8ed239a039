/* SPDX-License-Identifier: Apache-2.0 */
/* A 16550A UART at 0x3f8, IRQ 4. */
#ifndef HGVMM_SERIAL_H
#define HGVMM_SERIAL_H

struct vm;
struct serial;

/* NULL after a message. */
struct serial *serial_new(struct vm *vm);
void serial_free(struct serial *s);
void serial_reset(struct serial *s);

#endif
