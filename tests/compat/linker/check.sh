#!/bin/sh
# SPDX-License-Identifier: MIT
# Links a program with each arch/*/regions.ld, and checks that the banks are where they should be: inside
# their memories, behind the image, disjoint. (64-bit families have 32-bit addresses here: the
# fragments compute with symbols, not with instructions.)
#
#   check.sh ROOT CC NM WORK

set -eu
root=$1 cc=$2 nm=$3 work=$4 late=
mkdir -p "$work"

# script FAMILY: a linker script as small as it gets around the family's fragment.
script() {
	case $1 in
	rp2040) memory='RAM : ORIGIN = 0x20000000, LENGTH = 256K  SCRATCH_X : ORIGIN = 0x20040000, LENGTH = 4K
		SCRATCH_Y : ORIGIN = 0x20041000, LENGTH = 4K' image=RAM ;;
	armv8m) memory='RAM : ORIGIN = 0x20000000, LENGTH = 512K  SCRATCH_X : ORIGIN = 0x20080000, LENGTH = 4K
		SCRATCH_Y : ORIGIN = 0x20081000, LENGTH = 4K' image=RAM ;;
	*) memory='OCM : ORIGIN = 0x10000000, LENGTH = 256K  DRAM : ORIGIN = 0x40000000, LENGTH = 64M' image=DRAM ;;
	esac
	cat <<-END
	MEMORY { $memory }
	SECTIONS {
		.image : { *(.text*) *(.rodata*) *(.data*) *(.bss*) . = ALIGN(16); } >$image
		__nh_image_end = .;
	}
	INCLUDE regions.ld
	END
}

# link FAMILY [OPTION...]: to $work/FAMILY.elf
link() {
	family=$1
	shift
	define=
	case $family in rp2040 | armv8m) define=-DFAMILY_MICROCONTROLLER ;; esac
	script "$family" >"$work/$family.ld"
	$cc -mcpu=cortex-m0plus -mthumb -std=c11 -Os -Wall -Wextra -Wpedantic -Wconversion -Werror $define -I"$root/include" \
		-nostdlib -Wl,-e,start -L"$root/arch/$family" "$@" -Wl,-T,"$work/$family.ld" $late \
		"$root/tests/compat/linker/table.c" -o "$work/$family.elf"
}

# banks FAMILY COUNT: what the symbols must satisfy.
banks() {
	$nm "$work/$1.elf" | sed -n 's/^\([0-9a-f]*\) . __nh_\(.*\)_\(start\|end\|size\)$/\1 \2 \3/p; s/^\([0-9a-f]*\) . __nh_image_end$/\1 image end/p' |
		while read -r value bank what; do echo "$bank $what $((0x$value))"; done |
		awk -v family="$1" -v count="$2" '
		function bad(text) { print family ": " text; failed = 1 }
		{ at[$1, $2] = $3; if ($2 == "start") banks[++n] = $1 }
		END {
			if (n != count) bad(n " banks")
			for (i = 1; i <= n; i++) {
				b = banks[i]; s = at[b, "start"]; e = at[b, "end"]
				if (e <= s) bad(b " is empty")
				if (at[b, "size"] != e - s) bad(b "_size is not its size")
				if (s % 8) bad(b " is not aligned")
				if (int(s / 4096 / 4096) == int(at["image", "end"] / 4096 / 4096) && s < at["image", "end"])
					bad(b " overlaps the image")
				for (j = 1; j < i; j++)
					if (s < at[banks[j], "end"] && e > at[banks[j], "start"]) bad(b " overlaps " banks[j])
			}
			exit failed
		}'
}

for family in rp2040 armv8m; do
	link $family
	banks $family 5
done
for family in armv7a armv8a; do
	link $family
	banks $family 3
done

# What does not fit is refused by the linker, by name.
refused() {
	if report=$(link "$@" 2>&1); then
		echo "linked: $*"
		exit 1
	fi
	printf '%s\n' "$report" | grep -q "$expected" || { printf 'refused otherwise: %s\n' "$report"; exit 1; }
}
expected='do not fit striped SRAM'; refused rp2040 -Wl,--defsym=__nh_local0_size=0x40000
expected='multiples of 16'; refused rp2040 -Wl,--defsym=__nh_local0_size=1001
expected='does not fit SCRATCH_X'; refused armv8m -Wl,--defsym=__nh_stack1_size=0x2000
expected='do not fit DRAM'; refused armv7a -Wl,--defsym=__nh_dma_size=0x8000000
expected='whole blocks of 2 MiB'; refused armv8a -Wl,--defsym=__nh_dma_size=0x100000

# A size counts wherever it is given.
link rp2040 -Wl,--defsym=__nh_local1_size=4096
banks rp2040 5
late=-Wl,--defsym=__nh_local1_size=4096 # after -T
link rp2040
banks rp2040 5
$nm "$work/rp2040.elf" | grep -q '^0*1000 . __nh_local1_size$'
