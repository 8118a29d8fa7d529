#!/bin/sh
# SPDX-License-Identifier: MIT
# The library by another compiler, which has no linker for the target:
#   compiles.sh ROOT NM PORT CC [OPTION...]
# All warnings are errors, and the objects must need nothing but <string.h>.

set -eu
root=$1 nm=$2 port=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
macro=NH_PORT_$(echo "$port" | tr '[:lower:]' '[:upper:]')
shared=
case $port in armv7a | armv8a) shared=$root/arch/cortex_a.c ;; esac
for source in "$root"/core/*.c "$root/arch/$port"/*.c ${shared:+"$shared"}; do
	"$@" -std=c11 -O2 -ffreestanding -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Werror \
		"-D$macro=1" -I"$root" -I"$root/include" -c -o "$work/$(basename "$source").o" "$source"
done
sh "$root/tests/symbols.sh" "$nm" "$work"/*.o
