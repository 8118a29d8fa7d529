/* SPDX-License-Identifier: MIT */
/* tinyara/arch.h - of this header only up_add_kregion() and up_addregion(). */
#ifndef NH_TIZENRT_ARCH_H
#define NH_TIZENRT_ARCH_H

#include <tinyara/mm/mm.h>

#endif
