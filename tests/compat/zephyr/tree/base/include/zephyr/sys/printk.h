/* SPDX-License-Identifier: MIT */
#ifndef TREE_PRINTK_H
#define TREE_PRINTK_H
#include <stdarg.h>
void vprintk(const char *format, va_list arguments);
#endif
