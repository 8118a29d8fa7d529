/* SPDX-License-Identifier: MIT */
/* nearheap's status as Zephyr's callers know it. */
#ifndef NH_COMPAT_ZEPHYR_ERRORS_H
#define NH_COMPAT_ZEPHYR_ERRORS_H

#include <errno.h>

#include <nearheap/nearheap.h>

static inline int nh_zephyr_errno(nh_status status)
{
	switch (status) {
	case NH_OK:
		return 0;
	case NH_EOVERLAP:
		return -EEXIST;
	case NH_ENOSPC:
		return -ENOMEM;
	case NH_ENOINIT:
		return -ENODEV;
	default:
		return -EINVAL;
	}
}

#endif
