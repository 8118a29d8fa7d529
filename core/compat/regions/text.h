/* SPDX-License-Identifier: MIT */
/*
 * Texts of errors without <stdio.h>: a microcontroller that reads lists at start needs no printf.
 * What does not fit is cut off; the result is always terminated.
 */
#ifndef NH_REGIONS_TEXT_H
#define NH_REGIONS_TEXT_H

#include <nearheap/regions.h>

#include <stdarg.h>

/* %s string; %q string and size_t length, quoted, cut; %u uint64_t; %x uint64_t with 0x; %i int.
 * Nothing else. What cannot be printed becomes '?'. */
void nh__text(char *buffer, size_t size, const char *format, ...);
void nh__text_list(char *buffer, size_t size, const char *format, va_list arguments);

/* Two strings: "name: ", or nothing where there is no file. */
#define NH__FILE(file) (file) == NULL ? "" : (file), (file) == NULL ? "" : ": "

/* Fills `error` (if not NULL) and returns `status`. */
nh_status nh__refuse(nh_regions_error *error, nh_status status, const char *format, ...);

/* "file:12", "file, START list, entry 3", "file: node": where an entry stands. */
#define NH__PLACE 96u
const char *nh__place(char buffer[NH__PLACE], const nh_regions_source *source, const nh_region_entry *entry);

#endif
